"""Which pixels are face, from the mesh alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.faces.mesh import VERTICES


@dataclass(frozen=True)
class Grow:
    """How far a mask reaches beyond the mesh, as a share of the distance from the face's middle.

    Attributes:
        top: at the forehead, where the mesh ends well below the hairline.
        side: at the temples and cheeks.
        jaw: at the chin, where the mesh ends with the face.
    """

    top: float = 0.0
    side: float = 0.0
    jaw: float = 0.0


def face_mask(landmarks: np.ndarray, height: int, width: int, grow: Grow | None = None) -> np.ndarray:
    """(H, W) float32 in [0, 1]: the outline of the mesh, filled, with an antialiased edge.

    The convex hull of all vertices rather than the face oval: in profile the oval folds over itself.

    Args:
        landmarks: (>= 468, >= 2) in the picture's pixels.
        grow: how far beyond the mesh; the face must stand upright in the picture, as it does in a crop.
    """
    points = landmarks[:VERTICES, :2].astype(np.float32)
    hull = cv2.convexHull(points)[:, 0]
    if grow is not None:
        hull = _grown(hull, grow)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def _grown(hull: np.ndarray, grow: Grow) -> np.ndarray:
    low, high = hull.min(0), hull.max(0)
    offset = hull - (low + high) / 2
    upward = -2 * offset[:, 1] / max(float(high[1] - low[1]), 1e-6)  # 1 at the top, -1 at the chin
    toward = np.where(upward > 0, grow.top, grow.jaw) - grow.side
    return (low + high) / 2 + offset * (1 + grow.side + toward * np.abs(upward))[:, None].astype(np.float32)


def polygon_mask(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W) float32 in [0, 1]: a closed outline of (N, 2) points in pixels, filled (lips, an eye)."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255
