"""Where a sound is speech by its level: what mouth and gestures are timed by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, minimum_filter1d

from effigie.speech.spectrogram import RATE

LEVELS = 100  # a second
LOUD_PERCENTILE, TARGET_DB = 95, -20.0  # the loud parts of all sound are brought to one level before anything hears it
SILENT_DB, MOST_GAIN_DB = -60.0, 40.0
RANGE_DB, ABOVE_FLOOR_DB, LEAST_RANGE_DB = 32.0, 10.0, 12.0  # speech is so far below the loud, above the noise
JOIN_S = 0.24  # a gap in the level that is no pause: a stop, a breath
LEAD_S, TRAIL_S = 0.22, 0.18  # mouths move before they are heard, and come to rest after
EASE_S = 0.06  # standard deviation of coming and going


@dataclass(frozen=True)
class Loudness:
    """Level over time.

    Attributes:
        level: (n,) float32 dB below full scale, 100 a second, after ``gain``.
        gain: what samples are multiplied by.
        audible: (n,) bool, whether it is loud enough for speech; short gaps filled.
        activity: (n,) float32, 0 where the mouth rests and 1 where it speaks, with lead and trail.
    """

    level: np.ndarray
    gain: float
    audible: np.ndarray
    activity: np.ndarray

    @property
    def is_silent(self) -> bool:
        return not self.audible.any()

    def phrases(self) -> list[tuple[float, float]]:
        """Begin and end of every stretch of speech, seconds."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.audible.astype(np.int8), [0]])))
        return [(float(a) / LEVELS, float(b) / LEVELS) for a, b in edges.reshape(-1, 2)]


def measure_loudness(pieces: Iterable[np.ndarray]) -> Loudness:
    """Of a whole sound; 400 bytes a second are kept of it.

    Args:
        pieces: (n,) float32 at 16 kHz, of any lengths.
    """
    step, buffer, powers = RATE // LEVELS, np.zeros(0, np.float32), [np.zeros(0)]
    for piece in pieces:
        buffer = np.concatenate([buffer, piece])
        whole = len(buffer) // step * step
        powers.append((buffer[:whole].astype(np.float64).reshape(-1, step) ** 2).mean(1))
        buffer = buffer[whole:]
    if len(buffer):
        powers.append(np.array([(buffer.astype(np.float64) ** 2).sum() / step]))
    if len(powers) == 1:
        powers.append(np.zeros(1))
    level = 10 * np.log10(np.concatenate(powers) + 1e-12)
    if not level.size or (loud := float(np.percentile(level, LOUD_PERCENTILE))) < SILENT_DB:
        # A word in a long silence is below the percentile: the loudest twentieth of a second decides then.
        loud = float(np.sort(level)[-5:].mean()) if level.size else -120.0
    if loud < SILENT_DB:
        return Loudness(level.astype(np.float32), 1.0, np.zeros(len(level), bool), np.zeros(len(level), np.float32))
    gain = min(TARGET_DB - loud, MOST_GAIN_DB)
    level = level + gain
    floor = float(np.percentile(level, 10))
    threshold = np.clip(floor + ABOVE_FLOOR_DB, loud + gain - RANGE_DB, loud + gain - LEAST_RANGE_DB)
    audible = _close_gaps(gaussian_filter1d(level, 1.5) > threshold)
    return Loudness(level.astype(np.float32), 10 ** (gain / 20), audible, _ease(audible))


def _close_gaps(audible: np.ndarray) -> np.ndarray:
    size = round(JOIN_S * LEVELS) | 1
    padded = np.pad(audible, size)
    closed = minimum_filter1d(maximum_filter1d(padded.astype(np.uint8), size), size)
    return closed[size:-size].astype(bool)


def _ease(audible: np.ndarray) -> np.ndarray:
    lead, trail = round(LEAD_S * LEVELS), round(TRAIL_S * LEVELS)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(audible, (trail, lead)), lead + trail + 1)
    wide = windows.any(axis=1).astype(np.float64)
    return np.asarray(gaussian_filter1d(wide, EASE_S * LEVELS), dtype=np.float32)
