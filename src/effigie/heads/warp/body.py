"""Moves the body after the head: little where the head nods, turns or sways, rigidly where it goes somewhere else.

The body keeps its shape and is moved and enlarged as a whole, so that shoulders keep their width and the neck its
length; the neck bends between the two.
"""

from __future__ import annotations

import numpy as np

from effigie.faces.mesh import Pose

NECK = np.array([[0.0, -5.0, -6.0]])  # canonical cm; heads turn, nod and lean about it
SWAY_CM = 0.25  # that the neck moves of itself: a larger movement is the body's but for about so much
SWAY_GROWTH = 0.03  # by which a head comes nearer of itself, likewise


class BodyMotion:
    """How the body of one portrait follows its head.

    Args:
        source_pose: of the portrait's head.
    """

    def __init__(self, source_pose: Pose) -> None:
        self._source = source_pose
        self._neck = source_pose.apply(NECK)[0] - source_pose.translation

    def layer_mix(self, rotation: np.ndarray, pose: Pose) -> np.ndarray:
        """(4, 2) float32: displacement px a px of x, y and z from the source pose's translation, and constant.

        Args:
            rotation: (3, 3) rotation and scale of the head from the source pose to ``pose``.
            pose: of the head.
        """
        shift = ((rotation - np.eye(3)) @ self._neck + pose.translation - self._source.translation)[:2]
        distance = float(np.hypot(*shift)) / self._source.scale
        growth = float(np.log(pose.scale / self._source.scale))
        factor = np.expm1(_share(abs(growth), SWAY_GROWTH) * growth)
        mix = np.zeros((4, 2), np.float32)
        mix[:2] = factor * np.eye(2)
        mix[3] = _share(distance, SWAY_CM) * shift - factor * self._neck[:2]
        return mix


def _share(amount: float, own: float) -> float:
    """Of a movement that the body takes part in: nothing of a tremble, all but ``own`` of a large one."""
    return amount / (amount + own)
