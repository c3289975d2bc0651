"""What a mouth is predicted from: features of speech around each frame, with few numbers each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

ENCODED_RATE, MEL_RATE = 50, 100
ENCODED_TAPS = np.arange(-10, 11, 2)  # frames of 20 ms around the picture's time: 0.2 s on both sides
MEL_TAPS = np.arange(-20, 21, 4)  # frames of 10 ms
REACH_S = 0.24


@dataclass(frozen=True)
class Reduction:
    """Principal components of features: ``(values - mean) @ components``, each with variance 1.

    Attributes:
        mean: (D,).
        components: (D, K).
    """

    mean: np.ndarray
    components: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray, count: int) -> Reduction:
        """Of (n, D) values, the ``count`` strongest."""
        mean = values.mean(0)
        variance, axes = np.linalg.eigh(np.cov((values - mean).T))
        strongest = slice(-1, -count - 1, -1)
        scale = np.sqrt(np.maximum(variance[strongest], 1e-12))
        return cls(mean.astype(np.float32), (axes[:, strongest] / scale).astype(np.float32))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.asarray((values - self.mean) @ self.components, dtype=np.float32)


def gather_features(encoded: np.ndarray, mel: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(n, F) features of n pictures: reduced ones of the time around each, and a 1.

    Args:
        encoded: (m, K) reduced features, 50 a second.
        mel: (2m, L) reduced spectrogram, 100 a second.
        times: (n,) seconds; beyond the ends the first or last frame stands.
    """
    parts = [np.ones((len(times), 1), np.float32)]
    for values, rate, taps in ((mel, MEL_RATE, MEL_TAPS), (encoded, ENCODED_RATE, ENCODED_TAPS)):
        places = np.clip(np.rint(times[:, None] * rate).astype(int) + taps, 0, len(values) - 1)
        parts.append(values[places].reshape(len(times), -1))
    return np.concatenate(parts[::-1], axis=1)


def stream_features(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]], times: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """First picture and (n, F) features of the pictures whose surroundings are known, block after block.

    Args:
        blocks: reduced features and spectrogram, each where the one before ends.
        times: (N,) ascending seconds of all pictures.
    """
    encoded = mel = np.zeros((0, 0), np.float32)
    start = position = 0  # first frame in the buffers, next picture
    for new, new_mel in blocks:
        encoded = np.concatenate([encoded, new]) if encoded.size else new
        mel = np.concatenate([mel, new_mel]) if mel.size else new_mel
        available_s = (start + len(encoded)) / ENCODED_RATE - REACH_S
        stop = int(np.searchsorted(times, available_s))
        if stop > position:
            yield position, gather_features(encoded, mel, times[position:stop] - start / ENCODED_RATE)
            position = stop
        needed_s = (times[position] if position < len(times) else np.inf) - REACH_S
        offset = (
            int(np.clip(np.floor(needed_s * ENCODED_RATE) - start, 0, len(encoded) - 1)) if position < len(times) else 0
        )
        encoded, mel, start = encoded[offset:], mel[2 * offset :], start + offset
    if position < len(times) and len(encoded):
        yield position, gather_features(encoded, mel, times[position:] - start / ENCODED_RATE)
