"""Marks that are known beforehand: the ids of a ledger, looked for among hundreds instead of 2^48.

Whoever made an output knows its codeword, and needs far less evidence to tell it from a few others than from all. The
symbols that every codeword shares do not bear witness here: a clip marked with an id that is not in the ledger carries
them too. Against the codes' own symbols the bound of :mod:`~effigie.provenance.watermark.detector` holds, summed over
the ids and all poses and weights that are tried.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from effigie.provenance.watermark.anchored_search import MAX_CANDIDATES, WORD_POSES, AnchoredPose, AnchoredSearch
from effigie.provenance.watermark.payload import SYMBOL_COUNT, encode, normalize

MAX_KNOWN = 2000
"""Ids that are looked for; of more, the first."""
MAX_FACES = 3
FALSE_ALARM_RATE = 2e-9
"""Of a clip, added to that of reading ids that nobody knows."""
_SHARES = (0.0, 0.7, 1.4)  # of the frame's evidence, beside 1 of the face's
_REFINEMENTS = 4  # most likely pairs of id and pose, which are refined

Evidence = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class KnownMark:
    """A known codeword that was found.

    Attributes:
        id: the 48 bits.
        symbols: the codeword.
        agreement: of its own symbols with the evidence, in standard deviations of chance.
        chance: at most that of such an agreement anywhere in a clip without this mark.
        face_pose: how the face's pattern lies; None where the frame's alone was enough.
    """

    id: int
    symbols: NDArray[np.float32]
    agreement: float
    chance: float
    face_pose: AnchoredPose | None


def find_known(
    marks: Iterable[tuple[int, int]], upright: Evidence, faces: Sequence[AnchoredSearch]
) -> KnownMark | None:
    """The one of the known marks that agrees best, or None if none agrees well enough.

    Args:
        marks: id and free bits of each, read here and not before.
        upright: (SYMBOL_COUNT + known,) evidence of the frame's pattern as it lies in an uncut picture.
        faces: the searches of the faces' patches.
    """
    marks = list(itertools.islice(marks, MAX_KNOWN))
    if not marks:
        return None
    words = np.stack([encode(output_id, free) for output_id, free in marks])
    least, trials = _require(len(marks))
    frame = normalize(upright[:SYMBOL_COUNT])
    agreements = words @ frame
    best: tuple[float, int, AnchoredPose | None] = (float(agreements.max()), int(agreements.argmax()), None)
    leads: list[tuple[float, int, AnchoredSearch, AnchoredPose]] = []
    for search in faces[:MAX_FACES]:
        for pose in search.find_candidates(MAX_CANDIDATES):
            agreements = (_weigh(search, pose, frame) @ words.T).max(axis=0)
            number = int(agreements.argmax())
            leads.append((float(agreements[number]), number, search, pose))
    for agreement, number, search, pose in sorted(leads, key=lambda lead: -lead[0])[:_REFINEMENTS]:
        refined = search.refine(pose, words[number])
        finer = float((_weigh(search, refined, frame) @ words[number]).max())
        best = max(best, (agreement, number, pose), (finer, number, refined), key=lambda one: one[0])
    agreement, number, face_pose = best
    if agreement < least:
        return None
    chance = trials * math.erfc(agreement / math.sqrt(2)) / 2
    return KnownMark(marks[number][0], words[number], agreement, chance, face_pose)


def _weigh(search: AnchoredSearch, pose: AnchoredPose, frame: Evidence) -> Evidence:
    """(shares, SYMBOL_COUNT) of length 1: the face's evidence, and the frame's beside it."""
    face = normalize(search.evidence(pose)[:SYMBOL_COUNT])
    return np.stack([normalize(face + np.float32(share) * frame) for share in _SHARES])


def _require(count: int) -> tuple[float, float]:
    """Standard deviations that one of ``count`` ids must agree by, and the factor of chance for all that is tried."""
    poses = MAX_FACES * (MAX_CANDIDATES + _REFINEMENTS * WORD_POSES)
    trials = 2 * math.e**3 / 9 * count * (1 + poses * len(_SHARES))
    return -NormalDist().inv_cdf(FALSE_ALARM_RATE / trials), trials
