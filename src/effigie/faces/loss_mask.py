"""Per-pixel weights of the training losses."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE

EYES_AND_MOUTH_WEIGHT = 2.0  # extra weight of their pixels: small regions that people look at first
UNIT_WEIGHT = 32  # of a pixel that counts once, in a byte


def compute_loss_mask(landmarks: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Compute (S, S) float32 weights: the face counts ten times its surroundings, eyes and mouth thrice the face.

    Args:
        landmarks: (478, >= 2) px of the S x S picture.
        mask: (S, S) float32 in [0, 1], the face.
    """
    size = mask.shape[0]
    weight = 0.1 + 0.9 * mask
    for part in (OUTER_LIPS, INNER_LIPS, LEFT_EYE, RIGHT_EYE):
        hull = cv2.convexHull(landmarks[part, :2].astype(np.float32))[:, 0]
        soft = cv2.GaussianBlur(polygon_mask(hull, size, size), (0, 0), size * 0.015)
        weight = np.maximum(weight, 1 + EYES_AND_MOUTH_WEIGHT * soft)
    return np.asarray(weight)


def quantize_loss_mask(weight: np.ndarray) -> np.ndarray:
    """Quantize weights to uint8, ``UNIT_WEIGHT`` for each pixel that counts once."""
    return np.asarray(np.minimum(weight * UNIT_WEIGHT, 255), np.uint8)
