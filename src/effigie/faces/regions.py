"""Eyes, mouth and skin in a face's picture: people look at the small ones first, a mean over the face hardly does."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import LEFT_EYE, OUTER_LIPS, RIGHT_EYE

REGIONS = ("eyes", "mouth", "skin")
LIDS, LIPS = 0.25, 0.12  # of an eye's and a mouth's width: so far around them the skin moves with them


def face_regions(landmarks: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(S, S) uint8: 0 beside the face, else 1 and the place in :data:`REGIONS`.

    Args:
        landmarks: (>= 468, >= 2) px of the S x S picture.
        mask: (S, S) bool, the face.
    """
    labels = np.where(mask, np.uint8(1 + REGIONS.index("skin")), np.uint8(0))
    for name, outline, reach in (
        ("mouth", OUTER_LIPS, LIPS),
        ("eyes", LEFT_EYE, LIDS),
        ("eyes", RIGHT_EYE, LIDS),
    ):
        points = landmarks[outline, :2].astype(np.float32)
        around = max(1, round(reach * float(np.ptp(points, axis=0).max())))
        inside = polygon_mask(cv2.convexHull(points)[:, 0], *labels.shape) > 0.5
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * around + 1, 2 * around + 1))
        grown = cv2.dilate(inside.astype(np.uint8), disc) > 0
        labels[grown & mask] = 1 + REGIONS.index(name)
    return labels
