"""Perceptual hashes: 64 bits of what a frame looks like, kept by re-encoding and scaling, and clips compared by them.

The signs of the lowest spatial frequencies, without the mean, of the grey picture (after Zauner 2010, "Implementation
and Benchmarking of Perceptual Image Hash Functions", there with the median). Brightness and contrast do not matter.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.arrays import Image

FINGERPRINT_INTERVAL_S = 1.0
"""Seconds between the frames of an output that are kept in the ledger."""

EMPTY_HASH = 0
"""The hash of a picture without structure: black, white, a fade. It matches nothing, itself not even."""

TRANSFORM_SIDE = 64  # pixels a side of the picture that is transformed
HASH_BITS = 64
MIN_CONTRAST = 3.0
"""Grey levels (RMS of the 64 frequencies, 0..255); below it the signs are noise."""

Sample = tuple[float, int]
"""Time in seconds and hash."""


# Two clips show the same pictures if these hold.
MAX_BITS = 8
"""Hamming distance, 0 to 64, up to which two frames agree: half size at JPEG 15 moves 1.3 (99 %: 4), and 99 % of the
frames of two scenes are at least 20 apart."""
MAX_MEAN_BITS = 3.0
"""Mean distance of the aligned frames. Every clip degraded as above stays below. Takes of one person before one camera
often do, too: 64 bits of a frame do not tell lips apart."""
MIN_AGREEING_SHARE = 0.8  # of the aligned frames
MAX_OFFSET_S = 0.3  # seconds by which aligned frames may be apart


@dataclass(frozen=True)
class Match:
    """How well two clips agree at their best alignment.

    Attributes:
        frames: aligned frames that were compared.
        bits: their mean Hamming distance, 0 to 64.
        offset: seconds by which the known clip is later than the asked one.
    """

    frames: int
    bits: float
    offset: float


def compute_fingerprint(image: Image) -> int:
    """The hash of a picture, 64 bits; :data:`EMPTY_HASH` if it has no structure.

    Args:
        image: (H, W, 3) uint8 RGB.
    """
    small = cv2.resize(image, (TRANSFORM_SIDE, TRANSFORM_SIDE), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    spectrum = cv2.dct(gray) / TRANSFORM_SIDE
    rows, columns = _low_frequencies()
    values = spectrum[rows, columns]
    if float(np.sqrt(np.square(values).sum())) < MIN_CONTRAST:
        return EMPTY_HASH
    return int.from_bytes(np.packbits(values > 0).tobytes(), "big")


@functools.cache
def _low_frequencies() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of the 64 lowest frequencies, nearest the mean first, the mean itself left out."""
    rows, columns = np.indices((TRANSFORM_SIDE, TRANSFORM_SIDE)).reshape(2, -1)
    order = np.lexsort((columns, rows, rows * rows + columns * columns))[1 : HASH_BITS + 1]
    return rows[order], columns[order]


def match_clips(query: Sequence[Sample], reference: Sequence[Sample]) -> Match | None:
    """Whether a clip shows the pictures of a known one, or a part of them, however shifted in time.

    Every pair of frames that agree proposes a shift; at each shift all frames that then coincide are compared.

    Args:
        query: hashes of the clip in question; more than one a second finds cuts at any moment.

    Returns:
        The best alignment, or None if none is good enough. One frame alone is enough only where one clip has no more.
    """
    return match_samples(query, reference, MAX_BITS, MAX_MEAN_BITS, MAX_OFFSET_S, 0.1)


def match_samples(
    query: Sequence[Sample],
    reference: Sequence[Sample],
    max_bits: int,
    max_mean_bits: float,
    max_offset_s: float,
    shift_step_s: float,
) -> Match | None:
    """The same for hashes of any kind.

    Args:
        max_bits: Hamming distance up to which two hashes agree, 0 to 64.
        max_mean_bits: mean distance of the aligned ones.
        max_offset_s: seconds by which aligned ones may be apart.
        shift_step_s: seconds between the shifts that are told apart.
    """
    query_times, query_hashes = _to_arrays(query)
    reference_times, reference_hashes = _to_arrays(reference)
    bits = np.bitwise_count(query_hashes[:, None] ^ reference_hashes[None]).astype(np.float64)
    close = bits <= max_bits
    if not close.any():
        return None
    shifts = reference_times[None] - query_times[:, None]
    min_frames = min(2, len(reference_times), max(1, int(np.ptp(query_times) / FINGERPRINT_INTERVAL_S)))
    matches = []
    for shift in np.unique(np.round(shifts[close] / shift_step_s) * shift_step_s).tolist():
        distances = np.where(np.abs(shifts - shift) <= max_offset_s, bits, np.inf).min(axis=0)
        distances = distances[np.isfinite(distances)]
        if len(distances) < min_frames or np.mean(distances <= max_bits) < MIN_AGREEING_SHARE:
            continue
        if distances.mean() <= max_mean_bits:
            matches.append(Match(len(distances), float(distances.mean()), shift))
    # Two frames that agree by chance must not beat twenty that agree well.
    return min(matches, key=lambda one: (one.bits / np.sqrt(one.frames), abs(one.offset)), default=None)


def _to_arrays(samples: Sequence[Sample]) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
    usable = [sample for sample in samples if sample[1] != EMPTY_HASH]
    times = np.array([time for time, _ in usable], np.float64)
    return times, np.array([value for _, value in usable], np.uint64)
