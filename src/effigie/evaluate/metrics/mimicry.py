"""Mimicry: how far lips, brows and the corners of the mouth of the made face are where the footage's are.

Units: distances are shares of the distance between the eyes. A gap's error is the mean absolute difference, over
frames in which the footage's lips are shut (below :data:`SHUT_GAP`) and over the others. A gain is the slope of the
made value over the footage's, a correlation Pearson's; 1 is right for both. Brows and smile are measured with the
head's pose taken out.

What fools them: the landmark network finds lips where it expects them; of a blurred mouth it makes a plausible one. Two
people's brows and mouths differ in place and width, so that only change is compared, and where the footage hardly moves
(NaN below :data:`STILL`) there is nothing to compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.mesh import (
    EYE_CORNERS,
    LEFT_BROW,
    LEFT_EYE,
    RIGHT_BROW,
    RIGHT_EYE,
    eye_distance,
    fit_pose,
    middle_lip_gaps,
)

SHUT_GAP = 0.03  # inner lips of somebody who is silent lie at 0.005 to 0.03
STILL = 0.004  # standard deviation below which brows or smile stand still: what the network trembles by
UPPER_ROW = slice(0, 5)  # of a brow's landmarks


@dataclass(frozen=True)
class MimicryScores:
    """Agreement of a made face's expression with the footage's; NaN where there was nothing to measure."""

    shut_error: float  # of the lips' gap, where the footage's are shut
    open_error: float  # where they are not
    brow_correlation: float
    brow_gain: float
    smile_correlation: float
    smile_gain: float


def measure_mimicry(landmarks: Landmarks) -> tuple[float, float, float]:
    """Gap of the inner lips, height of the brows over the eyes, width of the mouth: shares of the eye distance."""
    gap = np.linalg.norm(middle_lip_gaps(landmarks)[:, :2], axis=1).mean()
    shape = fit_pose(landmarks).to_canonical(landmarks)
    unit = float(np.linalg.norm(shape[LEFT_EYE].mean(0) - shape[RIGHT_EYE].mean(0)))
    brows = shape[[*LEFT_BROW[UPPER_ROW], *RIGHT_BROW[UPPER_ROW]], 1].mean() - shape[np.ravel(EYE_CORNERS), 1].mean()
    smile = np.linalg.norm(shape[61, :2] - shape[291, :2])
    return float(gap / max(eye_distance(landmarks), 1e-6)), float(brows / unit), float(smile / unit)


def compare_mimicry(output: np.ndarray, reference: np.ndarray) -> MimicryScores:
    """Sum up a clip: (N, 3) of :func:`measure_mimicry` in the same frames of both."""
    output, reference = output.reshape(-1, 3), reference.reshape(-1, 3)
    error, shut = np.abs(output[:, 0] - reference[:, 0]), reference[:, 0] < SHUT_GAP
    return MimicryScores(
        _mean(error[shut]),
        _mean(error[~shut]),
        *_compare_change(output[:, 1], reference[:, 1]),
        *_compare_change(output[:, 2], reference[:, 2]),
    )


def _compare_change(output: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Correlation and gain."""
    if len(reference) < 3 or reference.std() < STILL or output.std() == 0:
        return float("nan"), float("nan")
    return float(np.corrcoef(reference, output)[0, 1]), float(np.polyfit(reference, output, 1)[0])


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
