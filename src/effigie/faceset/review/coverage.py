"""Coverage of poses and expressions by a person's footage: of those that are usual, and of a target's."""

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
    usual: float | None = None  # from which on footage shows it as conversation does; None: not asked for


ASPECTS = (
    Aspect("turns to the picture's left", "yaw", -1, 10, " degrees", -12),
    Aspect("turns to the picture's right", "yaw", 1, 10, " degrees", 12),
    Aspect("looks up", "pitch", -1, 10, " degrees"),
    Aspect("looks down", "pitch", 1, 10, " degrees"),
    Aspect("opens the mouth", "mouth", 1, 0.12, usual=0.15),
    Aspect("shuts the lips", "mouth", -1, 0.12, usual=0.05),
    Aspect("closes the eyes", "eyes", -1, 0.08, usual=0.1),
    Aspect("smiles", "smile", 1, 0.25, usual=0.3),
    Aspect("relaxes a smile", "smile", -1, 0.4, usual=0.3),
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


@dataclass(frozen=True)
class UnseenAspect:
    """A pose or expression of everyday talk that a person's footage never shows."""

    action: str  # as in Aspect
    extent: float  # how far the person goes, in the measure's unit
    unit: str = ""  # of it

    def __str__(self) -> str:
        return f"{self.action} beyond {self.extent:.0f}{self.unit}" if self.unit else self.action


def find_unseen(source: FaceSet | str | Path, person: int = 0) -> list[UnseenAspect]:
    """Find the poses and expressions of everyday talk that a person's footage never shows.

    Args:
        person: by number, 0 = most faces.
    """
    aspects = [aspect for aspect in ASPECTS if aspect.usual is not None]
    faces = load_measures(source, tuple(dict.fromkeys(aspect.measure for aspect in aspects)), f"cluster == {person}")
    unseen = []
    for aspect in aspects if len(faces) else ():
        extent = aspect.sign * _measure_extent(aspect, faces[aspect.measure])
        assert aspect.usual is not None
        if aspect.sign * (extent - aspect.usual) < 0:
            unseen.append(UnseenAspect(aspect.action, max(aspect.sign * extent, 0.0), aspect.unit))
    return unseen


def describe_unseen(unseen: list[UnseenAspect], subject: str = "the source") -> str:
    """What is never shown, in a line; empty where everything is."""
    if not unseen:
        return ""
    *rest, last = map(str, unseen)
    return f"{subject} never {', '.join(rest)} or {last}" if rest else f"{subject} never {last}"


def _measure_extent(aspect: Aspect, values: np.ndarray) -> float:
    """How far a person goes in an aspect, times its sign."""
    return float(np.percentile(aspect.sign * values, 100 - OUTLIER_PERCENT))


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
        target_values = aspect.sign * target_faces[aspect.measure]
        limit = _measure_extent(aspect, source_faces[aspect.measure])
        is_beyond = target_values > limit + aspect.margin
        if is_beyond.mean() < MIN_SHARE:
            continue
        affected |= is_beyond
        extents = (aspect.sign * limit, aspect.sign * _measure_extent(aspect, target_faces[aspect.measure]))
        gaps.append(CoverageGap(aspect.action, *extents, float(is_beyond.mean()), aspect.unit))
    gaps.sort(key=lambda lack: -lack.share)
    return gaps, float(affected.mean())
