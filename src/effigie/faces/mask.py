"""Which pixels are face, from the mesh alone."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.faces.mesh import VERTICES


def face_mask(landmarks: np.ndarray, height: int, width: int, grow: float = 0.0) -> np.ndarray:
    """(H, W) float32 in [0, 1]: the outline of the mesh, filled, with an antialiased edge.

    The convex hull of all vertices rather than the face oval: in profile the oval folds over itself.

    Args:
        landmarks: (>= 468, >= 2) in the picture's pixels.
        grow: the outline is scaled by ``1 + grow`` about its middle.
    """
    points = landmarks[:VERTICES, :2].astype(np.float32)
    hull = cv2.convexHull(points)[:, 0]
    middle = (hull.min(0) + hull.max(0)) / 2
    hull = middle + (hull - middle) * (1 + grow)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def polygon_mask(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W) float32 in [0, 1]: a closed outline of (N, 2) points in pixels, filled (lips, an eye)."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255
