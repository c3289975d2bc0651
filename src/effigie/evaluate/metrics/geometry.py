"""Facial motion: landmark, expression and pose error, and mouth and eye movement over time.

Units: the landmark error, and the expression error (once both heads' poses are taken out), are mean distances of the
468 mesh points as a share of the distance between the eyes, 0 is perfect; re-encoding alone moves the landmarks by
0.002, a blur of two pixels by 0.01. The pose error is the angle between the heads' rotations, degrees. Correlation is
-1..1, the spread ratio 0 upwards, 1 is right.

What fools them: landmarks alone are blind, since a tracker puts a whole plausible, calm face into a featureless blur
(0.045 measured); a mean face that never moves scores as well. So movement is measured beside them, as correlation (does
it open when it should) and as spread (does it open as far). In profile the eyes come together and every error grows.
Correlation says little where the input itself hardly moves. Two people's faces differ in shape, so that the right
expression on another face is not 0, and faces that share a shape (the mesh prior keeps part of the target's) score
better than ones that take on the source's whole; another shape of nose or brow reads as a degree or two of turning.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from effigie.arrays import Landmarks
from effigie.faces.mesh import MESH_VERTEX_COUNT, eye_distance
from effigie.prior.frame_bank import FaceGeometry

MIN_MOVEMENT = 1e-6  # below this standard deviation an opening does not move at all


@dataclass(frozen=True)
class Movement:
    """Agreement of two openings (mouth or eyes) over time; NaN where the input is frozen."""

    correlation: float  # Pearson's, -1..1; 0 where the output is frozen
    spread: float  # standard deviation of the output over that of the input


@dataclass(frozen=True)
class GeometryScores:
    """Agreement of a clip's facial motion with another's."""

    landmark_error: float  # mean over frames, share of the distance between the eyes
    landmark_error_95: float  # what 95 % of the frames stay below
    mouth: Movement  # of the inner lips' gap over the mouth's width
    eyes: Movement  # of the lids' gap over the eye's width
    frames: int


def landmark_error(output: Landmarks, reference: Landmarks) -> float:
    """Mean distance of the 468 mesh points of (>= 468, >= 2) landmarks over the reference's eye distance."""
    distance = np.linalg.norm(output[:MESH_VERTEX_COUNT, :2] - reference[:MESH_VERTEX_COUNT, :2], axis=1)
    return float(distance.mean() / max(eye_distance(reference), 1e-6))


def compare_movement(output: np.ndarray, reference: np.ndarray) -> Movement:
    """Movement of an opening measured in the same N frames of output and reference, (N,) each."""
    output, reference = np.asarray(output, np.float64), np.asarray(reference, np.float64)
    if len(reference) < 2 or reference.std() < MIN_MOVEMENT:
        return Movement(float("nan"), float("nan"))
    spread = float(output.std() / reference.std())
    if output.std() < MIN_MOVEMENT:
        return Movement(0.0, spread)
    return Movement(float(np.corrcoef(output, reference)[0, 1]), spread)


def compare_geometry(errors: np.ndarray, mouth: np.ndarray, eyes: np.ndarray) -> GeometryScores:
    """Sum up a clip.

    Args:
        errors: (N,) of :func:`landmark_error`.
        mouth: (N, 2) mouth opening in the output and in the reference.
        eyes: (N, 2) eye opening likewise.
    """
    if not len(errors):
        nan = float("nan")
        return GeometryScores(nan, nan, Movement(nan, nan), Movement(nan, nan), 0)
    return GeometryScores(
        landmark_error=float(np.mean(errors)),
        landmark_error_95=float(np.percentile(errors, 95)),
        mouth=compare_movement(mouth[:, 0], mouth[:, 1]),
        eyes=compare_movement(eyes[:, 0], eyes[:, 1]),
        frames=len(errors),
    )


def expression_error(output: FaceGeometry, truth: FaceGeometry) -> float:
    """The :func:`landmark_error` once either head's pose is taken out."""
    return landmark_error(output.unposed, truth.unposed)


def pose_error(output: FaceGeometry, truth: FaceGeometry) -> float:
    """Angle between the two heads' rotations, degrees."""
    turn = Rotation.from_matrix(output.pose.rotation @ truth.pose.rotation.T)
    return float(np.degrees(turn.magnitude()))
