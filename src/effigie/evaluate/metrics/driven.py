"""How strongly an animated portrait does what its driver does: gain and correlation of single movements.

Units: a gain is the slope of the output's movement over the driver's, a correlation Pearson's; 1 is right for both.
Smile (width of the mouth), opening (gap of the inner lips) and brows are measured in the distance between the person's
own eyes with the head's pose taken out, so that a wide face and a narrow one compare; turns in degrees. Only change is
compared: what somebody looks like at rest is theirs.

What fools them: the landmark network reads less than there is where skin does not crease as it should, and ``animate``
asks for as much more as that network says (:mod:`effigie.heads.inference.response`), so that these gains are not
independent of it: look at the pictures too. A driver whose hand hides the mouth is guessed at. Where a driver hardly
moves (NaN below :data:`STILL`) there is nothing to compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.evaluate.metrics.mimicry import measure_mimicry
from effigie.faces.mesh import LEFT_EYE, RIGHT_EYE, fit_pose, middle_lip_gaps
from effigie.heads.motion.motion import Motion

STILL = (0.008, 0.008, 0.006, 0.5)  # standard deviations of smile, opening, brows, and yaw in degrees
SETTLED_S = 0.3  # at the start, while the portrait takes up the motion


@dataclass(frozen=True)
class Strength:
    """Of one movement; NaN where the driver hardly makes it."""

    gain: float
    correlation: float


@dataclass(frozen=True)
class DrivenScores:
    """Agreement of an animated portrait with its driver."""

    smile: Strength
    opening: Strength
    brows: Strength
    yaw: Strength
    frames: int


def compare_driven(output: Motion, driver: Motion) -> DrivenScores:
    """Compare the motion read from an output with its driver's, frame by frame.

    Raises:
        ValueError: they have different numbers of frames.
    """
    if len(output) != len(driver):
        raise ValueError(f"an output of {len(output)} frames is not of a driver of {len(driver)}")
    indices = np.flatnonzero(output.present & driver.present & (driver.seconds() >= SETTLED_S)).tolist()
    output_values, driver_values = (
        np.array([_measure(motion.landmarks(index)) for index in indices]) for motion in (output, driver)
    )
    columns = zip(output_values.reshape(-1, 4).T, driver_values.reshape(-1, 4).T, STILL, strict=True)
    smile, opening, brows, yaw = (_compare(mine, theirs, threshold) for mine, theirs, threshold in columns)
    return DrivenScores(smile, opening, brows, yaw, len(indices))


def _measure(landmarks: np.ndarray) -> tuple[float, float, float, float]:
    """Smile, opening and brows in eye distances, and yaw in degrees."""
    pose = fit_pose(landmarks)
    shape = pose.to_canonical(landmarks)
    unit = float(np.linalg.norm(shape[LEFT_EYE].mean(0) - shape[RIGHT_EYE].mean(0)))
    _, brows, smile = measure_mimicry(landmarks)
    return smile, float(middle_lip_gaps(shape)[:, 1].mean()) / unit, brows, float(pose.angles[0])


def _compare(output: np.ndarray, driver: np.ndarray, threshold: float) -> Strength:
    if len(driver) < 3 or driver.std() < threshold or output.std() == 0:
        return Strength(float("nan"), float("nan"))
    return Strength(float(np.polyfit(driver, output, 1)[0]), float(np.corrcoef(driver, output)[0, 1]))
