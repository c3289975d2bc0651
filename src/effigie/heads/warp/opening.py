"""Openings of a face, eyes and mouth: their edges, and coordinates between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.mesh import INNER_LIPS, LEFT_EYE, RIGHT_EYE
from effigie.heads.warp.head_warp import smooth_step


@dataclass(frozen=True)
class Opening:
    """An eye or the mouth: vertex indices along its upper and its lower edge, both from corner to corner."""

    upper: np.ndarray
    lower: np.ndarray

    @staticmethod
    def from_outline(outline: np.ndarray) -> Opening:
        """An opening from a closed outline that starts in a corner and runs along the upper edge first."""
        half = len(outline) // 2
        return Opening(outline[: half + 1], outline[[0, *range(len(outline) - 1, half - 1, -1)]])

    @property
    def outline(self) -> np.ndarray:
        return np.concatenate([self.upper, self.lower[-2:0:-1]])

    def gap(self, landmarks: Landmarks) -> float:
        """Pixels between the two edges, near the middle."""
        middle = slice(3, len(self.upper) - 3)
        difference = landmarks[self.lower[middle], :2] - landmarks[self.upper[middle], :2]
        return float(np.hypot(difference[:, 0], difference[:, 1]).mean())

    def width(self, landmarks: Landmarks) -> float:
        """Pixels from corner to corner."""
        across = landmarks[self.upper[-1], :2] - landmarks[self.upper[0], :2]
        return max(float(np.hypot(across[0], across[1])), 1e-6)


# The right eye's outline starts at its outer corner as the left one's does: turned round, both run left to right.
EYE_OPENINGS = (Opening.from_outline(LEFT_EYE), Opening.from_outline(np.roll(RIGHT_EYE[::-1], 9)))
MOUTH = Opening.from_outline(INNER_LIPS)


class OpeningCoordinates:
    """Coordinates in an opening: ``across`` 0..1 from corner to corner, ``down`` in cm at right angles.

    Args:
        points: (>= 468, >= 2) landmarks px.
        scale: pixels a cm.
    """

    def __init__(self, opening: Opening, points: np.ndarray, scale: float) -> None:
        self._start = points[opening.upper[0], :2].astype(np.float64)
        axis = points[opening.upper[-1], :2] - self._start
        length = opening.width(points)
        self.width = length / scale
        self._axes = np.stack([axis, np.array([-axis[1], axis[0]]) / length * scale])
        self._back = np.linalg.pinv(self._axes)
        self._edges = [self.to_local(points[edge, :2]) for edge in (opening.upper, opening.lower)]
        for edge in self._edges:
            edge[:, 0] = np.maximum.accumulate(edge[:, 0])

    def to_local(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) coordinates of (..., 2) px."""
        return np.asarray((points - self._start) @ self._back)

    def to_picture(self, across: np.ndarray, down: np.ndarray) -> np.ndarray:
        """(..., 2) px of local coordinates."""
        return np.asarray(np.stack([across, down], axis=-1) @ self._axes + self._start)

    def edges(self, across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``down`` of the upper and the lower edge."""
        upper, lower = (np.interp(across, edge[:, 0], edge[:, 1]) for edge in self._edges)
        return upper, np.maximum(upper, lower)


def ramp(x: float | np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between."""
    return smooth_step((np.asarray(x, np.float32) - low) / (high - low))
