"""How far a head may turn beyond what the source's footage shows, and what happens there.

Bending a face by fifteen degrees looks right, by thirty it folds. Between the two the networks, which never saw such
poses, hand over to geometry; beyond, the footage is left as it is. The change takes a fifth of a second either way, so
that two faces are never seen one through the other for long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.prior.frame_bank import Geometry

FAMILIAR, STRANGE = 12.0, 20.0  # degrees: the networks alone up to the one, geometry alone from the other
LEAVE, RETURN = (
    32.0,
    27.0,
)  # degrees: the footage is left as it is beyond the one, until it is back at the other
DISSOLVE = 0.2  # s
MOST_NAMED = 12  # stretches of frames; more are counted


@dataclass(frozen=True)
class Shown:
    """What of the made face counts at one moment.

    Attributes:
        beyond: degrees to the nearest pose of the source's footage.
        geometry: 0..1, how much of the networks' part geometry takes.
        face: 0..1, how much of the face is shown at all.
        side: 0..1, how much of what the mask reaches beyond the mesh at the sides: there a turned head shows what was
            behind the source's.
    """

    beyond: float
    geometry: float
    face: float
    side: float

    @property
    def left(self) -> bool:
        """Whether the footage is left as it is."""
        return self.face == 0


class Reach:
    """Follows one track.

    Args:
        geometries: of the source's frames.
        rate: frames a second.
        leave: whether the footage is left as it is at all; else geometry makes the face however far it is turned.
    """

    def __init__(self, geometries: Sequence[Geometry], rate: float, leave: bool = True) -> None:
        self._poses = np.array([geometry.pose.angles[:2] for geometry in geometries])
        self._leave = leave
        self._step = 1 / max(DISSOLVE * rate, 1.0)
        self.reset()

    def reset(self) -> None:
        """At a cut there is nothing to dissolve from."""
        self._left = False
        self._face: float | None = None

    def __call__(self, geometry: Geometry) -> Shown:
        """The next frame of the track."""
        beyond = float(np.linalg.norm(self._poses - np.asarray(geometry.pose.angles)[:2], axis=1).min())
        self._left = self._leave and beyond > (RETURN if self._left else LEAVE)
        wanted = 0.0 if self._left else 1.0
        known = wanted if self._face is None else self._face
        near = abs(wanted - known) <= self._step * 1.001  # five fifths are not quite one
        self._face = wanted if near else known + self._step * float(np.sign(wanted - known))
        geometry_share = float(np.clip((beyond - FAMILIAR) / (STRANGE - FAMILIAR), 0, 1))
        return Shown(beyond, geometry_share, self._face, 1 - float(np.clip(beyond / FAMILIAR, 0, 1)))


class Turned:
    """Which frames were made by geometry alone or left as they are, and how to say so."""

    def __init__(self) -> None:
        self._alone: list[int] = []
        self._left: list[int] = []

    def note(self, frame: int, shown: Shown) -> None:
        """Frames in order."""
        if shown.left:
            self._left.append(frame)
        elif shown.geometry == 1:
            self._alone.append(frame)

    def notes(self) -> list[str]:
        """A sentence for each kind that there was."""
        kinds = (
            (self._left, LEAVE, "the face was left as it is there"),
            (self._alone, STRANGE, "the face was made by geometry alone there"),
        )
        return [
            f"{stretches(frames)}: the head is turned some {degrees:g} degrees or more beyond what the source's "
            f"footage shows; {what}"
            for frames, degrees, what in kinds
            if frames
        ]


def stretches(frames: Sequence[int]) -> str:
    """Ascending frame numbers in words: ``frames 3-9 and 14``."""
    ends: list[list[int]] = []
    for frame in frames:
        if ends and frame == ends[-1][1] + 1:
            ends[-1][1] = frame
        else:
            ends.append([frame, frame])
    named = [str(first) if first == last else f"{first}-{last}" for first, last in ends]
    if len(named) > MOST_NAMED:
        return f"{len(frames)} frames between {ends[0][0]} and {ends[-1][1]}"
    head = "frame " if len(frames) == 1 else "frames "
    return head + (named[0] if len(named) == 1 else ", ".join(named[:-1]) + " and " + named[-1])
