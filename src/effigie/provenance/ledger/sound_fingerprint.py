"""Perceptual hashes of sound: 64 bits of what two seconds sound like, kept by encoders and changes of level.

The signs of how the energy of nine bands changes from band to band and from time to time (after Haitsma and Kalker
2002, "A Highly Robust Audio Fingerprinting System"), coarser in time, so that one a second finds a copy cut anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from effigie.provenance.ledger.fingerprint import EMPTY_HASH, Match, Sample, match_samples
from effigie.provenance.sound_watermark.spectrum import HOP, RATE, compute_levels, estimate_floor, power_spectrum

SOUND_INTERVAL_S = 1.0
"""Seconds between the hashes that the ledger keeps."""
QUERY_INTERVAL_S = 0.05
"""Of sound in question: denser, so that it is found wherever it was cut."""
SPAN_S = 2.0
EDGES_HZ = np.geomspace(250, 3600, 10)
PARTS = 9  # of the span
MAX_BITS = 16
"""Hamming distance, 0 to 64, up to which two hashes agree."""
MAX_MEAN_BITS = 13.0
MAX_OFFSET_S = 0.03
SILENCE_DB = -60.0  # of full scale


def compute_sound_fingerprints(
    samples: NDArray[np.float32], interval_s: float = SOUND_INTERVAL_S
) -> tuple[Sample, ...]:
    """Hashes of (n,) samples at 16 kHz, one an interval, each of the two seconds from its time on."""
    power = power_spectrum(np.asarray(samples, np.float32))
    levels = compute_levels(power, estimate_floor(power))
    frequencies = np.arange(levels.shape[1]) * (RATE / 2) / (levels.shape[1] - 1)
    masks = (frequencies >= EDGES_HZ[:-1, None]) & (frequencies < EDGES_HZ[1:, None])
    bands = levels @ (masks / masks.sum(axis=1, keepdims=True)).T
    frames_a_second = RATE / HOP
    span = round(SPAN_S * frames_a_second)
    total = np.concatenate([np.zeros((1, bands.shape[1])), np.cumsum(bands, axis=0, dtype=np.float64)])
    cuts = np.linspace(0, span, PARTS + 1).astype(np.int64)
    hashes = []
    count = max(0, int((len(levels) - span) / frames_a_second / interval_s) + 1) if len(levels) >= span else 0
    for number in range(count):
        time = number * interval_s
        start = round(time * frames_a_second)
        piece = samples[start * HOP : (start + span) * HOP]
        if 10 * np.log10(float(np.mean(np.square(piece))) + 1e-12) < SILENCE_DB:
            hashes.append((time, EMPTY_HASH))
            continue
        parts = np.diff(total[start + cuts], axis=0) / np.diff(cuts)[:, None]
        signs = np.diff(np.diff(parts, axis=0), axis=1) > 0
        hashes.append((time, int.from_bytes(np.packbits(signs).tobytes(), "big")))
    return tuple(hashes)


def match_sounds(query: Sequence[Sample], reference: Sequence[Sample]) -> Match | None:
    """Whether sound is that of a known output, or a part of it, however shifted in time."""
    return match_samples(query, reference, MAX_BITS, MAX_MEAN_BITS, MAX_OFFSET_S, QUERY_INTERVAL_S)
