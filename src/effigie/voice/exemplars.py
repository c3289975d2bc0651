"""A person's own spectra, frame by frame: what the network's sound lacks of theirs, and when it lacks it.

A style is 128 numbers: it cannot say how this person's vowels differ from the network's, each by itself. The person's
recordings can. The fitted network says what they said, in their own time and melody, and each of its frames is kept
with the difference of the two spectra there. What the network says later is compared with those frames by what goes
into its generator, and moved by the mean difference of the nearest: an equalizer that follows what is said. Harmonics,
noise and phases stay the network's, so that little is lost of its naturalness.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from effigie.speech.mel import mel_bank
from effigie.voice.network.generator import HOP, RATE

BANDS, HIGHEST_HZ = 40, 12_000.0
SIZE = 24  # numbers of what goes into the generator that frames are compared by: more tell no more apart
MOST = 12_000  # frames that are kept: two and a half minutes of speech
NEAREST = 12  # frames whose differences are averaged; chosen on utterances left out, as all of these
SMOOTH_FRAMES = 1.2  # of 12.5 ms, standard deviation: faster changes are heard as roughness
MOST_NEPERS = 1.6  # of amplitude, 14 dB, by which a band is moved
SPEECH_NEPERS = 6.0  # of power above the floor, from which on a frame is speech
WHITENING = 0.05  # of the largest variance: what varies less counts less
_FLOOR = 1e-7
_WINDOW, _STEP, _SIZE = 600, 150, 1024  # of the Fourier transform; two steps are a frame
_AT_ONCE = 256  # frames that are compared with all exemplars at a time
_NAMES = ("mean", "basis", "keys", "gains")


@dataclass(frozen=True)
class Exemplars:
    """Frames of a person's recordings.

    Attributes:
        mean: (512,) of what goes into the generator.
        basis: (512, k) its principal components, scaled; a frame's key is its distance from the mean along them.
        keys: (n, k) of the frames.
        gains: (n, 40) nepers of power by which the person's spectrum lies above the network's.
    """

    mean: np.ndarray
    basis: np.ndarray
    keys: np.ndarray
    gains: np.ndarray

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Exemplars:
        """Those that were stored; raises a ValueError where they do not fit."""
        if set(tensors) != set(_NAMES):
            raise ValueError(f"of the exemplars {sorted(set(_NAMES) ^ set(tensors))} is too much or missing")
        mean, basis, keys, gains = (tensors[name].float().numpy() for name in _NAMES)
        fits = basis.ndim == keys.ndim == 2 and basis.shape == (*mean.shape, keys.shape[1])
        if not fits or gains.shape != (len(keys), BANDS) or len(keys) <= NEAREST:
            raise ValueError("the exemplars have other shapes")
        return cls(mean, basis, keys, gains)

    def to_tensors(self) -> dict[str, Tensor]:
        """By name, for storing."""
        return {name: torch.from_numpy(getattr(self, name)) for name in _NAMES}

    def find_gains(self, features: np.ndarray) -> np.ndarray:
        """(T, 512) of frames of 12.5 ms -> (T, 40) nepers of power, smoothed over time."""
        gains = np.empty((len(features), BANDS), np.float32)
        lengths = np.square(self.keys).sum(axis=1)
        for start in range(0, len(features), _AT_ONCE):
            keys = (features[start : start + _AT_ONCE] - self.mean) @ self.basis
            distances = lengths - 2 * keys @ self.keys.T  # but for the frame's own length, which changes no order
            nearest = np.argpartition(distances, NEAREST, axis=1)[:, :NEAREST]
            gains[start : start + len(keys)] = self.gains[nearest].mean(axis=1)
        limit = 2 * MOST_NEPERS
        return np.asarray(np.clip(gaussian_filter1d(gains, SMOOTH_FRAMES, axis=0), -limit, limit), np.float32)

    def apply(self, samples: Tensor, shaped: Tensor, strength: float) -> Tensor:
        """Bring the spectrum of what the network says toward the person's.

        Args:
            samples: (300 T,) of 24 kHz.
            shaped: (512, T) what they were made of.
            strength: 0 leaves them, 1 goes as far as the nearest frames do on average.

        Returns: (300 T,) samples.
        """
        gains = strength * self.find_gains(shaped.numpy().T) / 2
        count = len(samples) // _STEP + 1
        times = np.arange(count) * _STEP / HOP
        over_time = np.stack([np.interp(times, np.arange(len(gains)), band) for band in gains.T])
        factors = torch.from_numpy(np.exp(_spread_bands().T @ over_time).astype(np.float32))
        return _from_spectrum(_to_spectrum(samples) * factors, len(samples))


def collect_exemplars(frames: Iterable[tuple[Tensor, Tensor, np.ndarray]]) -> Exemplars | None:
    """Exemplars of utterances; None of too little speech.

    Args:
        frames: of each utterance (512, T) what goes into the generator, (300 T,) samples that the network makes of it,
            and those of the person at the same level.
    """
    inputs, gains = [], []
    for features, output, real in frames:
        ours, theirs = measure_bands(output), measure_bands(torch.from_numpy(real))
        count = min(features.shape[1], len(ours), len(theirs))
        loud = np.maximum(ours, theirs)[:count].max(axis=1) > np.log(_FLOOR) + SPEECH_NEPERS
        inputs.append(features.numpy().T[:count][loud])
        gains.append((theirs - ours)[:count][loud])
    if sum(map(len, inputs)) <= 4 * NEAREST:
        return None
    whole, differences = np.concatenate(inputs), np.concatenate(gains)
    indices = np.unique(np.linspace(0, len(whole) - 1, min(len(whole), MOST)).round().astype(int))
    whole, differences = whole[indices], differences[indices]
    mean = whole.mean(axis=0)
    centered = (whole - mean).astype(np.float64)
    variances, directions = np.linalg.eigh(centered.T @ centered / len(centered))
    variances, directions = variances[::-1][:SIZE], directions[:, ::-1][:, :SIZE]
    basis = (directions / np.sqrt(variances + WHITENING * variances[0])).astype(np.float32)
    return Exemplars(mean, basis, np.asarray(centered @ basis, np.float32), differences.astype(np.float32))


def measure_bands(samples: Tensor) -> np.ndarray:
    """(n,) samples of 24 kHz -> (T, 40) nepers of power in bands, of frames of 12.5 ms."""
    power = _to_spectrum(samples)[:, ::2].abs().square().numpy()
    return np.asarray(np.log(_bank() @ power + _FLOOR).T, np.float32)


def _bank() -> np.ndarray:
    return mel_bank(RATE, _SIZE, BANDS, HIGHEST_HZ)


def _spread_bands() -> np.ndarray:
    """(40, 513) how much each band counts for each frequency; of a frequency they add up to one."""
    bank = _bank()
    return np.asarray(bank / np.maximum(bank.sum(axis=0), 1e-9), np.float32)


def _to_spectrum(samples: Tensor) -> Tensor:
    window = torch.hann_window(_WINDOW)
    # Scaled so that a sine of amplitude one has a peak of one half, and the floor means the same for any window.
    return torch.stft(samples, _SIZE, _STEP, _WINDOW, window, pad_mode="constant", return_complex=True) * (2 / _WINDOW)


def _from_spectrum(spectrum: Tensor, length: int) -> Tensor:
    window = torch.hann_window(_WINDOW)
    return torch.istft(spectrum * (_WINDOW / 2), _SIZE, _STEP, _WINDOW, window, length=length)
