"""Face masks from landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.faces.mesh import MESH_VERTEX_COUNT


@dataclass(frozen=True)
class MaskMargin:
    """Margin of a mask beyond the mesh, as a share of the distance from the face's middle.

    Attributes:
        top: at the forehead, where the mesh ends well below the hairline.
        side: at the temples and cheeks.
        jaw: at the chin, where the mesh ends with the face.
    """

    top: float = 0.0
    side: float = 0.0
    jaw: float = 0.0


def face_mask(landmarks: np.ndarray, height: int, width: int, margin: MaskMargin | None = None) -> np.ndarray:
    """Mask (H, W) float32 in [0, 1] of a face: the convex hull of its mesh, with an antialiased edge.

    The convex hull of all vertices rather than the face oval: in profile the oval folds over itself.

    Args:
        landmarks: (>= 468, >= 2) in the picture's pixels.
        margin: how far beyond the mesh; the face must stand upright in the picture, as it does in a crop.
    """
    points = landmarks[:MESH_VERTEX_COUNT, :2].astype(np.float32)
    hull = cv2.convexHull(points)[:, 0]
    if margin is not None:
        hull = _expand_hull(hull, margin)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def _expand_hull(hull: np.ndarray, margin: MaskMargin) -> np.ndarray:
    low, high = hull.min(0), hull.max(0)
    offset = hull - (low + high) / 2
    upward = -2 * offset[:, 1] / max(float(high[1] - low[1]), 1e-6)  # 1 at the top, -1 at the chin
    growth = np.where(upward > 0, margin.top, margin.jaw) - margin.side
    return (low + high) / 2 + offset * (1 + margin.side + growth * np.abs(upward))[:, None].astype(np.float32)


def polygon_mask(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """Mask (H, W) float32 in [0, 1] of a polygon of (N, 2) points in pixels (lips, an eye)."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255
