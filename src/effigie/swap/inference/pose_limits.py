"""Limits of the head's pose: what is shown where a head turns farther than in the source's footage.

Warping a face by fifteen degrees looks right, by thirty it folds. Between the two the networks, which never saw such
poses, hand over to geometry; beyond, the footage is left as it is. The change takes a fifth of a second either way, so
that two faces are never seen one through the other for long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.prior.frame_bank import FaceGeometry

# Degrees beyond the source's poses: the networks alone up to the one, geometry alone from the other.
NETWORK_LIMIT, GEOMETRY_LIMIT = 12.0, 20.0
SKIP_ABOVE, RESUME_BELOW = 32.0, 27.0  # degrees: left as it is beyond the one, until it is back at the other
DISSOLVE_SECONDS = 0.2
MAX_NAMED_RANGES = 12  # ranges of frames in a note; more are counted


@dataclass(frozen=True)
class PoseState:
    """How the made face is shown at one pose.

    Attributes:
        excess_angle: degrees to the nearest pose of the source's footage.
        geometry_weight: 0..1, how much of the networks' part geometry takes.
        opacity: 0..1, how much of the face is shown at all.
        side_growth: 0..1, how much of what the mask reaches beyond the mesh at the sides: there a turned head shows
            what was behind the source's.
    """

    excess_angle: float
    geometry_weight: float
    opacity: float
    side_growth: float

    @property
    def is_skipped(self) -> bool:
        return self.opacity == 0


class PoseLimiter:
    """Says for every frame of one track how the made face is shown, by its pose; :meth:`reset` at a cut.

    Args:
        geometries: of the source's frames.
        skip_extreme: whether the footage is left as it is at all; else geometry makes the face at any angle.
    """

    def __init__(self, geometries: Sequence[FaceGeometry], rate: float, skip_extreme: bool = True) -> None:
        self._poses = np.array([geometry.pose.angles[:2] for geometry in geometries])
        self._skip_extreme = skip_extreme
        self._step = 1 / max(DISSOLVE_SECONDS * rate, 1.0)
        self.reset()

    def reset(self) -> None:
        self._skipped = False
        self._opacity: float | None = None

    def __call__(self, geometry: FaceGeometry) -> PoseState:
        excess_angle = float(np.linalg.norm(self._poses - np.asarray(geometry.pose.angles)[:2], axis=1).min())
        self._skipped = self._skip_extreme and excess_angle > (RESUME_BELOW if self._skipped else SKIP_ABOVE)
        goal = 0.0 if self._skipped else 1.0
        current = goal if self._opacity is None else self._opacity
        is_close = abs(goal - current) <= self._step * 1.001  # five fifths are not quite one
        self._opacity = goal if is_close else current + self._step * float(np.sign(goal - current))
        geometry_weight = np.clip((excess_angle - NETWORK_LIMIT) / (GEOMETRY_LIMIT - NETWORK_LIMIT), 0, 1)
        side_growth = 1 - float(np.clip(excess_angle / NETWORK_LIMIT, 0, 1))
        return PoseState(excess_angle, float(geometry_weight), self._opacity, side_growth)


class ExtremePoseLog:
    """The frames that were made by geometry alone or left as they are, and notes about them."""

    def __init__(self) -> None:
        self._geometry_only: list[int] = []
        self._skipped: list[int] = []

    def add(self, frame: int, state: PoseState) -> None:
        """Record a frame, or each of its fields; frames in order."""
        kind = self._skipped if state.is_skipped else self._geometry_only if state.geometry_weight == 1 else None
        if kind is not None and kind[-1:] != [frame]:
            kind.append(frame)

    def notes(self) -> list[str]:
        """A sentence for each kind of frames that occurred."""
        kinds = (
            (self._skipped, SKIP_ABOVE, "the face was left as it is there"),
            (self._geometry_only, GEOMETRY_LIMIT, "the face was made by geometry alone there"),
        )
        return [
            f"{format_frame_ranges(frames)}: the head is turned some {degrees:g} degrees or more beyond what "
            f"the source's footage shows; {text}"
            for frames, degrees, text in kinds
            if frames
        ]


def format_frame_ranges(frames: Sequence[int]) -> str:
    """Ascending frame numbers in words: ``frames 3-9 and 14``."""
    ends: list[list[int]] = []
    for frame in frames:
        if ends and frame == ends[-1][1] + 1:
            ends[-1][1] = frame
        else:
            ends.append([frame, frame])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in ends]
    if len(texts) > MAX_NAMED_RANGES:
        return f"{len(frames)} frames between {ends[0][0]} and {ends[-1][1]}"
    head = "frame " if len(frames) == 1 else "frames "
    return head + (texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1])
