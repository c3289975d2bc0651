"""What the target does that the source's footage never shows: there a swap has nothing to go by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.faceset import Faces, FaceSet, measured

SHARE = 0.01  # of the target's frames from which on a lack is told
EXTREME = 1.0  # per cent of the source's frames that may lie beyond what it is said to show: single ones err


@dataclass(frozen=True)
class Aspect:
    """Something a face does more or less of.

    Attributes:
        does: as in "the source never ... so far".
        measure: of :data:`effigie.faceset.MEASURES`.
        sign: 1 if more of the measure is more of it, else -1.
        margin: how far beyond what was seen geometry still follows well, in the measure's unit.
        unit: of the measure, for sentences.
    """

    does: str
    measure: str
    sign: int
    margin: float
    unit: str = ""


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
class Lack:
    """Something the target does and the source does not.

    Attributes:
        does: what.
        seen: how far the source goes, in the measure's unit.
        asked: how far the target goes.
        share: of the target's frames that go farther than the source by more than geometry bridges.
        unit: of both.
    """

    does: str
    seen: float
    asked: float
    share: float
    unit: str = ""

    def __str__(self) -> str:
        return (
            f"the source never {self.does} so far ({self.seen:.3g} against {self.asked:.3g}{self.unit}): "
            f"{100 * self.share:.0f} % of the target's frames will suffer"
        )


def lacks(
    source: FaceSet | str | Path, target: FaceSet | str | Path, who: tuple[int, int] = (0, 0)
) -> tuple[list[Lack], float]:
    """What the source's footage lacks, worst first, and the share of the target's frames that suffer from any of it.

    Args:
        who: which person of either set, by number.

    Raises:
        FaceSetError: one cannot be read, or has no such person.
    """
    names = tuple(dict.fromkeys(aspect.measure for aspect in ASPECTS))
    shown, wanted = (
        measured(faces, names, f"cluster == {number}")
        for faces, number in zip((source, target), who, strict=True)
    )
    return missing(shown, wanted)


def missing(shown: Faces, wanted: Faces) -> tuple[list[Lack], float]:
    """As :func:`lacks`, of faces with the measures of :data:`ASPECTS`."""
    found, suffering = [], np.zeros(len(wanted), bool)
    for aspect in ASPECTS:
        have, want = (aspect.sign * faces[aspect.measure] for faces in (shown, wanted))
        limit = float(np.percentile(have, 100 - EXTREME))
        beyond = want > limit + aspect.margin
        if beyond.mean() < SHARE:
            continue
        suffering |= beyond
        asked = float(np.percentile(want, 100 - EXTREME))
        found.append(
            Lack(aspect.does, aspect.sign * limit, aspect.sign * asked, float(beyond.mean()), aspect.unit)
        )
    found.sort(key=lambda lack: -lack.share)
    return found, float(suffering.mean())
