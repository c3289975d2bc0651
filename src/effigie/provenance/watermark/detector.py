"""Watermark detector for frames, clips and stills.

An id is believed only if its whole codeword agrees with what was measured. Codewords are scrambled with signs drawn
from the key. Against such signs the agreement of any one codeword with any measurement that holds no mark exceeds z
standard deviations with at most 2e³/9 times the probability of a normal deviate (Pinelis 1994, Rademacher sums).
Summed over all 2^60 codewords and all poses tried, :data:`MIN_AGREEMENT` keeps false alarms below one in 10^9 clips.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.progress import CancelToken
from effigie.provenance.watermark.frames import sample_luma
from effigie.provenance.watermark.geometry import PatternPose, PatternSearch
from effigie.provenance.watermark.payload import FREE_BITS, ID_BITS, SYMBOL_COUNT, decode
from effigie.provenance.watermark.residual import ResidualAccumulator

MAX_POSES = 8
"""Tried beside the upright, uncropped one."""

FALSE_ALARM_RATE = 1e-9
_TRIALS = 2 * math.e**3 / 9 * (1 + MAX_POSES) * 2.0 ** (ID_BITS + FREE_BITS)
MIN_AGREEMENT = -NormalDist().inv_cdf(FALSE_ALARM_RATE / _TRIALS)
"""Standard deviations that a codeword must agree by."""


@dataclass(frozen=True)
class DetectedMark:
    """A detected watermark.

    Attributes:
        id: the 48 bits.
        confidence: 1 less the probability that an unmarked clip agrees as well, 0 to 1.
        agreement: of the codeword with the evidence, in standard deviations of chance.
        pose: how the pattern lies; 1, 1, 0, 0 unless the picture was cropped.
    """

    id: int
    confidence: float
    agreement: float
    pose: PatternPose

    @property
    def hex(self) -> str:
        """The id as 12 hexadecimal digits."""
        return f"{self.id:012x}"


def detect(frames: Iterable[NDArray[np.uint8]], cancel: CancelToken | None = None) -> DetectedMark | None:
    """The mark in frames of one clip, or None.

    Args:
        frames: (H, W, 3) uint8 RGB or (H, W) luma, all of one size; others are passed over. Thirty or more are
            better than one, those far apart better than neighbours.
    """
    return _detect(((frame, number == 0) for number, frame in enumerate(frames)), cancel)


def detect_file(path: str | Path, seconds: float = 60.0, cancel: CancelToken | None = None) -> DetectedMark | None:
    """The mark in a clip or still, or None.

    Args:
        path: anything :class:`effigie.media.VideoReader` reads.
        seconds: how far into a clip to look; frames are taken from all over this part.
    """
    return _detect(sample_luma(Path(path), seconds), cancel)


def _detect(frames: Iterable[tuple[NDArray[np.uint8], bool]], cancel: CancelToken | None) -> DetectedMark | None:
    every, keys = ResidualAccumulator(), ResidualAccumulator()
    for frame, key in frames:
        if cancel is not None:
            cancel.check()
        luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame
        if every.add(luma) and key:
            keys.add(luma)
    if not every.frames:
        return None
    # What an encoder says in a key frame it blurs and repeats in those behind: both count, separately.
    parts = [every, keys] if 0 < keys.frames < every.frames else [every]
    with ThreadPoolExecutor(len(parts)) as pool:
        searches = list(pool.map(lambda part: PatternSearch(part.residual()), parts))
    found = _decode_at(searches, PatternPose(), known=True)
    if found is not None:
        return found
    for pose in searches[0].find_candidates(MAX_POSES):
        if cancel is not None:
            cancel.check()
        found = _decode_at(searches, pose, known=False)
        if found is not None:
            return found
    return None


def _decode_at(searches: list[PatternSearch], pose: PatternPose, known: bool) -> DetectedMark | None:
    """What is written at a pose. The known symbols bear witness too, unless the pose was chosen by them."""
    parts = [search.evidence(pose) for search in searches]
    evidence = np.sum([part / max(float(np.linalg.norm(part)), 1e-12) for part in parts], axis=0)
    word = decode(evidence[:SYMBOL_COUNT])
    if word is None:
        return None
    output_id, symbols = word
    witnesses = evidence if known else evidence[:SYMBOL_COUNT]
    agreeing = float(symbols @ evidence[:SYMBOL_COUNT]) + float(np.sum(witnesses[SYMBOL_COUNT:]))
    agreement = agreeing / max(float(np.linalg.norm(witnesses)), 1e-12)
    if agreement < MIN_AGREEMENT:
        return None
    return DetectedMark(output_id, 1 - _TRIALS * math.erfc(agreement / math.sqrt(2)) / 2, agreement, pose)
