"""Fréchet distance between the faces of a clip and those of a source, of pooled MobileNetV2 features.

Unit: that of the features, squared; 0 where both have the same mean and covariance. It is not the FID of papers,
which takes Inception features: compare these figures only among themselves.

Few samples: features have 1280 dimensions, and of N pictures covariances have a rank below N. Nothing is added to
their diagonals. The trace of the matrix root is computed exactly from the centred samples themselves, as the sum of
singular values of an N x N product, which needs no inverse and no root of a singular matrix. What remains is the
estimate's bias: fewer samples give larger distances. So only figures of equal counts may be compared.

What is real about somebody's face is what their own footage shows, so the reference of a clip is the source's face set.
Three crowds of the same number stand beside each other, because the distance alone has no scale: the output, the
untouched input (what doing nothing scores), and the earlier half of the source's own set against the later (what the
source scores; there half the numbers on either side, so that its bias is larger). Faces are cut along the skull,
:data:`SIDE` px, and everything beyond the mesh's outline is grey: hair, neck and wall are the target's by right, and
would be most of the distance.

What fools it: it looks at crowds, not at pairs. Somebody else's faces with the same spread of poses would pass, and
blur that keeps the features' statistics too. Light and camera are the target's, rightly, and count as a distance all
the same; so does another mix of expressions. So compare rows of one pair of people, or the output with the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.align import compute_placement, crop_matrix
from effigie.faces.crop import apply_affine, crop
from effigie.faces.mask import face_mask
from effigie.faces.mesh import fit_pose

if TYPE_CHECKING:
    from effigie.evaluate.metrics.mobilenet import PerceptualModel

SIDE = 128  # px
GRAY = np.array([124, 116, 104], np.float32)  # the mean of the pictures that the network has learned from
BATCH = 16


@dataclass(frozen=True)
class FrechetScores:
    """Fréchet distances; NaN for fewer than two faces."""

    output: float  # of the made faces to the source's
    input: float  # of the footage's own faces to the source's
    source: float  # of one half of the source's to the other
    faces: int  # in the output, in the input, and of the source


def crop_face(image: Image, landmarks: Landmarks) -> np.ndarray:
    """(S, S, 3) uint8: the face of (H, W, 3) uint8 RGB by its (478, 3) landmarks, grey around it."""
    matrix = crop_matrix(compute_placement(fit_pose(landmarks)), SIDE)
    inside = face_mask(apply_affine(matrix, landmarks[:, :2]), SIDE, SIDE)[..., None]
    return np.round(GRAY + inside * (crop(image, matrix, SIDE) - GRAY)).astype(np.uint8)


class FaceSampler:
    """Samples ``most`` faces of a clip, evenly.

    Args:
        most: faces at most; 0 takes none.
        expected: faces that the clip is thought to have.
    """

    def __init__(self, most: int, expected: int) -> None:
        self._limit, self._expected = most, max(expected, most, 1)
        self._count = 0
        self.output: list[np.ndarray] = []
        self.input: list[np.ndarray] = []

    def should_take(self) -> bool:
        """Whether the next face is to be taken; call it once a face."""
        previous_count, self._count = self._count, self._count + 1
        is_due = self._count * self._limit // self._expected > previous_count * self._limit // self._expected
        return is_due and len(self.output) < self._limit

    def add(self, output: Image, original: Image, output_landmarks: Landmarks, landmarks: Landmarks) -> None:
        """A face of either clip, (H, W, 3) uint8 RGB, with its (478, 3) landmarks there."""
        self.output.append(crop_face(output, output_landmarks))
        self.input.append(crop_face(original, landmarks))


def compare_distributions(
    output: Sequence[np.ndarray], original: Sequence[np.ndarray], source: Sequence[np.ndarray]
) -> FrechetScores:
    """Distances of (S, S, 3) uint8 faces; as many of each are used as there are of the fewest."""
    count = min(len(output), len(original), len(source))
    nan = float("nan")
    if count < 2:
        return FrechetScores(nan, nan, nan, count)
    from effigie.evaluate.metrics.mobilenet import PerceptualModel

    look = PerceptualModel()
    mine, footage, real = (_features(look, each, count) for each in (output, original, source))
    return FrechetScores(
        frechet_distance(mine, real),
        frechet_distance(footage, real),
        frechet_distance(real[: count // 2], real[count // 2 :]),
        count,
    )


def _features(look: PerceptualModel, faces: Sequence[np.ndarray], count: int) -> np.ndarray:
    """(count, 1280) of faces chosen evenly."""
    faces = [faces[int(index)] for index in np.linspace(0, len(faces) - 1, count).round()]
    batches = (faces[start : start + BATCH] for start in range(0, len(faces), BATCH))
    return np.stack([features.pooled for batch in batches for features in look(batch)])


def frechet_distance(output: np.ndarray, truth: np.ndarray) -> float:
    """Distance of the normal distributions fitted to (N, D) and (M, D) features; NaN for fewer than two samples.

    |mean difference|² + tr(A + B - 2 (A B)^(1/2)), A and B being the covariances.
    """
    if len(output) < 2 or len(truth) < 2:
        return float("nan")
    first, second = (np.asarray(features, np.float64) for features in (output, truth))
    difference = first.mean(0) - second.mean(0)
    # A = a'a and B = b'b: the roots of A B's eigenvalues are the singular values of a b'.
    a, b = ((each - each.mean(0)) / np.sqrt(len(each) - 1) for each in (first, second))
    shared = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(max(0.0, difference @ difference + (a**2).sum() + (b**2).sum() - 2 * shared))
