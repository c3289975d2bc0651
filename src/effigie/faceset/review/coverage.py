"""Coverage of a target's poses and expressions by the source's footage."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from effigie.faceset import FaceSet, load_measures
from effigie.io.stored_names import STORED_NAME

MIN_SHARE = 0.01  # of the target's frames from which on a lack is told
OUTLIER_PERCENT = 1.0  # of the source's frames may lie beyond what it is said to show: single ones err


@dataclass(frozen=True)
class Aspect:
    """A pose or expression, and the measure that quantifies it."""

    action: str  # as in "the source never ... so far"
    measure: str  # of MEASURES
    sign: int  # 1 if more of the measure is more of it, else -1
    margin: float  # how far beyond what was seen geometry still follows well, in the measure's unit
    unit: str = ""  # of the measure, for sentences


ASPECTS = (
    Aspect("turns to the picture's left", "yaw", -1, 10, " degrees"),
    Aspect("turns to the picture's right", "yaw", 1, 10, " degrees"),
    Aspect("looks up", "pitch", -1, 10, " degrees"),
    Aspect("looks down", "pitch", 1, 10, " degrees"),
    Aspect("opens the mouth", "mouth", 1, 0.12),
    Aspect("closes the eyes", "eyes", -1, 0.08),
    Aspect("smiles", "smile", 1, 0.25),
    Aspect("raises the brows", "browInnerUp", 1, 0.3),
    Aspect("purses the lips", "mouthPucker", 1, 0.3),
)


@dataclass(frozen=True)
class CoverageGap:
    """A pose or expression of the target that the source's footage does not cover."""

    action: str = field(metadata={STORED_NAME: "does"})  # as in Aspect
    # How far the source goes, in the measure's unit.
    source_extent: float = field(metadata={STORED_NAME: "seen"})
    target_extent: float = field(metadata={STORED_NAME: "asked"})  # how far the target goes
    share: float  # of the target's frames that go farther than the source by more than geometry bridges
    unit: str = ""  # of both

    def __str__(self) -> str:
        return (
            f"the source never {self.action} so far "
            f"({self.source_extent:.3g} against {self.target_extent:.3g}{self.unit}): "
            f"{100 * self.share:.0f} % of the target's frames will suffer"
        )


def find_gaps(
    source: FaceSet | str | Path, target: FaceSet | str | Path, persons: tuple[int, int] = (0, 0)
) -> tuple[list[CoverageGap], float]:
    """Find coverage gaps, worst first, and the share of the target's frames that are affected by any.

    Args:
        persons: which person of either set, by number.
    """
    names = tuple(dict.fromkeys(aspect.measure for aspect in ASPECTS))
    source_faces, target_faces = (
        load_measures(faces, names, f"cluster == {number}")
        for faces, number in zip((source, target), persons, strict=True)
    )
    gaps, affected = [], np.zeros(len(target_faces), bool)
    for aspect in ASPECTS:
        source_values, target_values = (aspect.sign * faces[aspect.measure] for faces in (source_faces, target_faces))
        limit = float(np.percentile(source_values, 100 - OUTLIER_PERCENT))
        is_beyond = target_values > limit + aspect.margin
        if is_beyond.mean() < MIN_SHARE:
            continue
        affected |= is_beyond
        extents = (aspect.sign * limit, aspect.sign * float(np.percentile(target_values, 100 - OUTLIER_PERCENT)))
        gaps.append(CoverageGap(aspect.action, *extents, float(is_beyond.mean()), aspect.unit))
    gaps.sort(key=lambda lack: -lack.share)
    return gaps, float(affected.mean())
