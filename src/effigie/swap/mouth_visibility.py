"""How much of the lips a source frame shows: hands and cups before a mouth look like lips to a landmark network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.faces.crop import apply_affine, resize_matrix
from effigie.occlusion.network import INPUT_SIZE
from effigie.occlusion.predictor import VisibilityPredictor, measure_mouth
from effigie.prior.frame_bank import FaceGeometry, count_neutral, measure_expression

MIN_MOUTH_VISIBILITY = 0.95  # fingers before a mouth are lips to a landmark network, and shut ones
CANDIDATES, COVERED = 3, 10.0


def penalize_covered_mouths(
    read: Callable[[int], Image], geometries: Sequence[FaceGeometry], blendshapes: np.ndarray
) -> np.ndarray:
    """(N,) :data:`COVERED` for calm frames whose mouth is covered, 0 for all others: for the neutral face.

    Only the calmest are looked at, :data:`CANDIDATES` times as many as the neutral face is the median of.
    """
    penalty = np.zeros(len(geometries))
    calmest = np.argsort(measure_expression(list(geometries), blendshapes))
    calmest = calmest[: CANDIDATES * count_neutral(len(geometries))]
    mouths = measure_mouth_visibility(lambda i: read(int(calmest[i])), [geometries[index] for index in calmest])
    penalty[calmest[mouths < MIN_MOUTH_VISIBILITY]] = COVERED
    return penalty


def measure_mouth_visibility(read: Callable[[int], Image], geometries: Sequence[FaceGeometry]) -> np.ndarray:
    """(N,) in 0..1: mean visibility of the lips and what is between them.

    Args:
        read: index -> (S, S, 3) uint8 RGB crop.
        geometries: in crop pixels.
    """
    predictor, shares = VisibilityPredictor(), []
    for index, geometry in enumerate(geometries):
        picture = read(index)
        landmarks = apply_affine(resize_matrix(INPUT_SIZE, picture.shape[0]), geometry.landmarks)
        small = cv2.resize(picture, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA)
        shares.append(measure_mouth(predictor.predict(small, landmarks), landmarks))
    return np.array(shares)
