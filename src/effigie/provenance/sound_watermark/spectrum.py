"""What embedder and detector look at: the level of every cell of the grid against that of the cells around it."""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np
import scipy  # its parts load when they are used, and most files that are verified are silent
from numpy.typing import NDArray

from effigie.provenance.sound_watermark.pattern import EDGES, SLOT_S

RATE = 16000  # samples a second that are looked at
WINDOW, HOP = 768, 160  # samples, 48 and 10 ms
HOPS_A_SLOT = round(SLOT_S * RATE / HOP)
FLOOR = 1e-4
"""Share of the mean power of a bin below which a bin counts as silent. Of 3e-3 to 1e-5 it says most after every attack,
noise included, at equal quality: quiet cells vary less by themselves."""
QUIET_SHARE, NOISE_GAIN = 0.3, 3.0  # of the frames, and how far above them steady noise still rules
LEVEL_SPAN = 401  # frames over which the mean power is taken, 4 s
NEIGHBOR_BANDS, NEIGHBOR_SLOTS = 5, 5  # over which a level is compared
SATURATION_DB = 2.0
"""Deviations of a cell beyond this speak less and less: speech itself moves levels by far more than the mark."""
DB = 10 / np.log(10)

Levels = NDArray[np.float32]
"""(frames, bins) dB."""


def mix(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) the mean of (channels, n); where they cancel each other out, the loudest of them."""
    mono = np.asarray(samples.mean(axis=0, dtype=np.float32), np.float32)
    if not samples.size or len(samples) == 1:
        return mono
    power = np.mean(samples**2, axis=1)
    return samples[int(power.argmax())] if np.mean(mono**2) < 0.01 * power.max() else mono


def resample(samples: NDArray[np.float32], rate: int, target: int = RATE) -> NDArray[np.float32]:
    """(n,) samples at another rate."""
    if rate == target:
        return samples
    ratio = Fraction(target, rate).limit_denominator(1000)
    return np.asarray(scipy.signal.resample_poly(samples, ratio.numerator, ratio.denominator), np.float32)


def power_spectrum(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(frames, bins) power, a frame every 10 ms, the first centered at 5 ms.

    Args:
        samples: (n,) at :data:`RATE`.
    """
    frames = len(samples) // HOP
    lead = (WINDOW - HOP) // 2
    padded = np.pad(samples, (lead, WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: frames * HOP : HOP]
    spectrum = np.fft.rfft(windows * _window(), axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


def estimate_floor(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """(frames, 1) the power of a bin that counts as silent, around each frame."""
    mean = scipy.ndimage.uniform_filter1d(power.mean(axis=1), min(LEVEL_SPAN, max(1, len(power))), mode="nearest")
    return (FLOOR * mean + 1e-12)[:, None].astype(np.float32)


def estimate_noise(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1, bins) the power of steady noise, by what each bin has in its quieter moments."""
    quiet = np.quantile(power, QUIET_SHARE, axis=0) if len(power) else np.zeros(power.shape[1])
    return NOISE_GAIN * scipy.ndimage.uniform_filter1d(quiet, 9)[None].astype(np.float32)


def compute_levels(power: NDArray[np.float32], floor: NDArray[np.float32]) -> Levels:
    """Levels of bins, dB; what lies below ``floor`` moves little."""
    return np.asarray(DB * np.log(power + floor), np.float32)


def band_weights(speed: float = 1.0) -> NDArray[np.float32]:
    """(bins, BANDS) mean over the bins of each band, where everything was played ``speed`` times as fast."""
    return _band_weights(round(speed * 1e5))


def accumulate(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(frames + 1, BANDS) running sum of levels, (frames, BANDS), less their mean."""
    total = np.zeros((len(levels) + 1, levels.shape[1]), np.float32)
    np.cumsum(levels - levels.mean(axis=0), axis=0, out=total[1:])
    return total


def deviations(
    total: NDArray[np.float32], start: float, slot: float, count: int, steps: int = 1
) -> NDArray[np.float32]:
    """(count, BANDS) how far cells lie above those around them, dB.

    Args:
        total: of :func:`accumulate`.
        start: frame at which the first cell begins, may be fractional and lie outside.
        slot: frames of a cell.
        count: of cells.
        steps: cells that begin within the time of one.
    """
    half, frames = NEIGHBOR_SLOTS // 2, len(total) - 1
    places = start + slot / steps * np.arange(-steps * half, count + steps * (half + 1))
    clipped = np.clip(places, 0, frames)  # before and behind the sound the neighbors are those that are there
    whole = np.minimum(clipped.astype(np.int64), frames - 1)
    part = (clipped - whole).astype(np.float32)[:, None]
    sums = total[whole]
    sums += (total[whole + 1] - sums) * part
    own = steps * half
    deviation = (sums[own + steps : own + steps + count] - sums[own : own + count]) / np.float32(slot)
    last = steps * NEIGHBOR_SLOTS
    time = np.maximum(clipped[last : last + count] - clipped[:count], slot).astype(np.float32)[:, None]
    deviation -= (sums[last : last + count] - sums[:count]) / time
    return deviation - scipy.ndimage.uniform_filter1d(deviation, NEIGHBOR_BANDS, axis=1, mode="nearest")


def soften(deviation: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a deviation in dB speaks for."""
    return deviation / (deviation**2 + SATURATION_DB**2)


@functools.cache
def _window() -> NDArray[np.float32]:
    return np.asarray(np.sin(np.pi * (np.arange(WINDOW) + 0.5) / WINDOW), np.float32)


@functools.lru_cache(maxsize=256)
def _band_weights(speed: int) -> NDArray[np.float32]:
    width = RATE / WINDOW
    middles = np.arange(WINDOW // 2 + 1) * width
    edges = EDGES * (speed / 1e5)
    low, high = edges[None, :-1], edges[None, 1:]
    weights = np.minimum(high, middles[:, None] + width / 2) - np.maximum(low, middles[:, None] - width / 2)
    weights = np.maximum(weights, 0)
    return np.asarray(weights / np.maximum(weights.sum(axis=0), 1e-9), np.float32)
