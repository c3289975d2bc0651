"""Belief: how far a codeword must agree with what was measured, so that no clip without a mark is said to have one.

Codewords are scrambled with signs drawn from the key. Against such signs the agreement of any one codeword with any
measurement that holds no mark exceeds z standard deviations with at most 2e³/9 times the probability of a normal
deviate (Pinelis 1994, Rademacher sums). Summed over all 2^60 codewords and all poses tried, in the whole picture and
in its insets, each of which has a share of the chance, this keeps false alarms below four in 10^9 clips. Ids that are
known beforehand (:mod:`effigie.provenance.watermark.known_marks`) add two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from effigie.provenance.watermark.anchored_search import POSE_TRIALS, WORD_POSES
from effigie.provenance.watermark.payload import FREE_BITS, ID_BITS

MAX_POSES = 8
"""Of the frame's pattern, tried beside the upright, uncropped one."""
MAX_FACES, MAX_FACE_POSES, FEW_FACE_POSES = 3, 12, 8
"""Faces that are looked at, and poses of the pattern around each, in all frames and in some; every one is tried with
and without the frame's pattern."""
MAX_INSETS, INSET_SHARE = 1, 0.15
"""Pictures in a picture that are looked at, as each costs as much time as the whole; and the share of the chance of a
false alarm that each of them has."""
FALSE_ALARM_RATE, FACE_FALSE_ALARM_RATE = 1e-9, 3e-9
"""Of a clip: by the frame's pattern, and by those of faces."""
_WORDS = 2 * math.e**3 / 9 * 2.0 ** (ID_BITS + FREE_BITS)
_TRIALS = _WORDS * (1 + MAX_POSES)
_FACE_TRIALS = _WORDS * 2 * 2 * MAX_FACES * (POSE_TRIALS + 2 * MAX_FACE_POSES * WORD_POSES)


@dataclass(frozen=True)
class Look:
    """A look at a whole picture, or at an inset: the share that it has of the chance of a false alarm."""

    share: float

    @property
    def least(self) -> float:
        """Standard deviations that a codeword must agree by in the frame's pattern."""
        return -NormalDist().inv_cdf(self.share * FALSE_ALARM_RATE / _TRIALS)

    @property
    def least_at_face(self) -> float:
        """The same around a face, where the known symbols bear witness too, and all poses that were tried count."""
        return -NormalDist().inv_cdf(self.share * FACE_FALSE_ALARM_RATE / _FACE_TRIALS)

    def confide(self, agreement: float, at_face: bool) -> float:
        """1 less the probability that a clip without a mark agrees as well."""
        trials = (_FACE_TRIALS if at_face else _TRIALS) / self.share
        return 1 - trials * math.erfc(agreement / math.sqrt(2)) / 2


WHOLE, INSET = Look(1 - MAX_INSETS * INSET_SHARE), Look(INSET_SHARE)
