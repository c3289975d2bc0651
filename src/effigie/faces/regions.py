"""Regions of a face: eyes, mouth, skin. Small regions matter most to viewers and least to a mean over the face."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import LEFT_EYE, OUTER_LIPS, RIGHT_EYE

REGIONS = ("eyes", "mouth", "skin")
LID_MARGIN, LIP_MARGIN = (
    0.25,
    0.12,
)  # of an eye's and a mouth's width: so far around them the skin moves with them


def face_regions(landmarks: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Labels (S, S) uint8: 0 outside the face, else 1 plus the index in :data:`REGIONS`.

    Args:
        landmarks: (>= 468, >= 2) px of the S x S picture.
        mask: (S, S) bool, the face.
    """
    labels = np.where(mask, np.uint8(1 + REGIONS.index("skin")), np.uint8(0))
    for name, outline, margin in (
        ("mouth", OUTER_LIPS, LIP_MARGIN),
        ("eyes", LEFT_EYE, LID_MARGIN),
        ("eyes", RIGHT_EYE, LID_MARGIN),
    ):
        points = landmarks[outline, :2].astype(np.float32)
        radius = max(1, round(margin * float(np.ptp(points, axis=0).max())))
        filled = polygon_mask(cv2.convexHull(points)[:, 0], *labels.shape) > 0.5
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        dilated = cv2.dilate(filled.astype(np.uint8), disc) > 0
        labels[dilated & mask] = 1 + REGIONS.index(name)
    return labels
