"""What a face would be if it did not speak: the take's own expression and pose, with the mouth at rest.

A mouth that is given other words must stay in the face that it is in: a smile stays a smile, and what landmarks of a
turned head show of the mouth is a little different from what a head shows that faces the camera. So rest is found for
every picture: what follows the gap of the lips and the head's pose is found by regression over the take, and what is
left changes slowly.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from effigie.dubbing.take import Take, unpose
from effigie.faces.mesh import Pose, middle_lip_gaps
from effigie.heads.motion.features import LipField
from effigie.heads.speech.dataset import mouth_mask
from effigie.heads.speech.inference.shapes import part_lips

MOVING = np.flatnonzero(mouth_mask() > 0)  # landmarks of mouth, jaw and cheeks
SHUT_PERCENTILE, MOST_SHUT_CM = 5, 0.08  # of the lips' gap: what a person's shut lips measure
EXPRESSION_S = 0.35  # standard deviation over time of what is expression and not speech
CALM_CM = 0.25  # gap by which a picture counts half as much for the expression as one with shut lips
ANGLE_SCALE = 25.0  # degrees
RIDGE = 1e-2
MOST_ROWS = 20_000  # pictures that the regression sees


class RestingFace:
    """The pose, own shape and resting shape of every picture of a take; asked by picture.

    Attributes:
        present: (N,) bool.
        gaps: (N,) float64 cm between the inner lips, 0 or more; 0 where the face is not seen.
        shut_gap: cm that the person's shut lips measure.
        neutral: (478, 3) cm, the median of the resting shapes.
    """

    def __init__(self, take: Take) -> None:
        self.present = np.array([face is not None for face in take.faces])
        faces = [face for face in take.faces if face is not None]
        self._row = np.cumsum(self.present) - 1
        self._poses, self._own = unpose(faces)
        own_gaps = np.maximum([float(middle_lip_gaps(shape)[:, 1].mean()) for shape in self._own], 0.0)
        self.gaps = np.zeros(len(take))
        self.gaps[self.present] = own_gaps
        self.shut_gap = float(min(np.percentile(own_gaps, SHUT_PERCENTILE), MOST_SHUT_CM))
        self._resting = self._calm(*self._shut(own_gaps), own_gaps, take)
        self.neutral = np.median(self._own, axis=0).astype(np.float64)
        self.neutral[MOVING] = np.median(self._resting, axis=0)
        self._lips = LipField.from_shape(self.neutral)

    def pose(self, index: int) -> Pose:
        """Of picture ``index``."""
        return self._poses[self._row[index]]

    def own(self, index: int) -> np.ndarray:
        """(478, 3) float64 cm: what picture ``index`` shows."""
        return self._own[self._row[index]].astype(np.float64)

    def resting(self, index: int) -> np.ndarray:
        """(478, 3) float64 cm: what it would show if the mouth were at rest, lips shut."""
        shape = self.own(index)
        shape[MOVING] = self._resting[self._row[index]]
        part_lips(shape, self._lips, self.shut_gap)
        return shape

    @property
    def lips(self) -> LipField:
        """How moving the lips takes the rest of the face along."""
        return self._lips

    def _shut(self, gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(M, V, 3) moving landmarks without what follows the lips' gap, and (M, V, 3) what of them is the pose's."""
        moving = self._own[:, MOVING].astype(np.float64)
        angles = np.stack([pose.angles for pose in self._poses]) / ANGLE_SCALE
        design = np.column_stack([np.ones(len(gaps)), gaps, angles])
        rows = np.unique(np.linspace(0, len(gaps) - 1, min(len(gaps), MOST_ROWS)).astype(int))
        sample = design[rows]
        normal = sample.T @ sample + RIDGE * len(rows) * np.diag([0, 0.02, 1, 1, 1])
        coefficients = np.linalg.solve(normal, sample.T @ moving[rows].reshape(len(rows), -1))
        trend = (design[:, 2:] @ coefficients[2:]).reshape(moving.shape)
        opened = (gaps[:, None] - self.shut_gap) * coefficients[1][None]
        return moving - np.where(gaps[:, None] > self.shut_gap, opened, 0).reshape(moving.shape), trend

    def _calm(self, shut: np.ndarray, trend: np.ndarray, gaps: np.ndarray, take: Take) -> np.ndarray:
        """(M, V, 3) float32: the same, changing as slowly as expressions do and as quickly as the head turns."""
        residual, weights = shut - trend, 1 / (1 + (gaps / CALM_CM) ** 2)
        resting, seconds = np.empty_like(shut), take.seconds
        for stretch in take.stretches():
            rows = slice(int(self._row[stretch.start]), int(self._row[stretch.stop - 1]) + 1)
            count = rows.stop - rows.start
            step = float(np.median(np.diff(seconds[stretch]))) if count > 1 else 1.0
            sigma = EXPRESSION_S / max(step, 1e-3)
            mass = gaussian_filter1d(weights[rows], sigma, mode="nearest")
            sums = gaussian_filter1d(weights[rows, None, None] * residual[rows], sigma, axis=0, mode="nearest")
            resting[rows] = sums / mass[:, None, None] + trend[rows]
        return resting.astype(np.float32)
