"""Pictures that stand turned by quarters, as told by the faces in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from effigie.faces.mesh import Pose

MAX_ROLL = 60.0  # degrees of roll that few heads reach: more likely nobody told the picture which side is up


def count_quarter_turns(poses: Sequence[Pose]) -> int:
    """How many quarters (0 to 3), as by ``np.rot90``, turn a picture or clip of these faces upright."""
    rolls = np.radians([pose.angles[2] for pose in poses])
    roll = np.degrees(np.arctan2(np.sin(rolls).sum(), np.cos(rolls).sum()))
    return round(roll / 90) % 4 if abs(roll) >= MAX_ROLL else 0


def turn_points(points: np.ndarray, turns: int, width: int, height: int) -> np.ndarray:
    """(N, 2) or (N, 3) points of a picture of ``width`` x ``height`` px, when it is turned as by ``np.rot90``."""
    turned = points.copy()
    for _ in range(turns % 4):
        turned[:, 0], turned[:, 1] = turned[:, 1].copy(), width - 1 - turned[:, 0]
        width, height = height, width
    return turned


def turn_pose(pose: Pose, turns: int, width: int, height: int) -> Pose:
    """A pose in a picture of ``width`` x ``height`` px, when it is turned as by ``np.rot90``."""
    angle = np.pi / 2 * turns
    quarter = np.rint([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    (translation,) = turn_points(pose.translation[None], turns, width, height)
    return Pose(quarter @ pose.rotation, pose.scale, translation)
