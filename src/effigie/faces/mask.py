"""Masks of a face from its landmarks: outline, regions (eyes, mouth, skin), weights of training losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.mesh import INNER_LIPS, LEFT_BROW, LEFT_EYE, MESH_VERTEX_COUNT, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE

REGIONS = ("eyes", "mouth", "skin")
# Of an eye's and a mouth's width: so far around them the skin moves with them.
LID_MARGIN, LIP_MARGIN = 0.25, 0.12
# Outlines of what is not plain skin, and how much larger than its landmarks each is.
FEATURES = ((LEFT_BROW, 1.25), (RIGHT_BROW, 1.25), (LEFT_EYE, 1.6), (RIGHT_EYE, 1.6), (OUTER_LIPS, 1.15))
BROWS = FEATURES[:2]
MOVING_SKIN = ((LEFT_EYE, 1.4), (RIGHT_EYE, 1.4), (OUTER_LIPS, 1.15))
SOFTNESS = 0.015  # of the picture's side, of an edge
EYES_AND_MOUTH_WEIGHT = 2.0  # extra weight of their pixels: small regions that people look at first
UNIT_WEIGHT = 32  # of a pixel that counts once, in a byte


@dataclass(frozen=True)
class MaskMargin:
    """Margin of a mask beyond the mesh, as a share of the distance from the face's middle."""

    top: float = 0.0  # at the forehead, where the mesh ends well below the hairline
    side: float = 0.0  # at the temples and cheeks
    jaw: float = 0.0  # at the chin, where the mesh ends with the face


def face_mask(landmarks: Landmarks, height: int, width: int, margin: MaskMargin | None = None) -> np.ndarray:
    """Mask (H, W) float32 in [0, 1] of a face: the convex hull of its mesh, with an antialiased edge.

    The convex hull of all vertices rather than the face oval: in profile the oval folds over itself. For a margin the
    face must stand upright in the picture, as it does in a crop.
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


def feature_mask(landmarks: Landmarks, size: int) -> np.ndarray:
    """(size, size) float32 in [0, 1]: 1 over brows, eyes and lips, grown to where plain skin begins."""
    return _fill_outlines(landmarks, FEATURES, size)


def brow_mask(landmarks: Landmarks, size: int) -> np.ndarray:
    """(size, size) float32 in [0, 1]: 1 over both brows."""
    return _fill_outlines(landmarks, BROWS, size)


def lip_mask(landmarks: Landmarks, size: int) -> np.ndarray:
    """(size, size) float32 in [0, 1]: 1 over the lips, without what shows between them."""
    return polygon_mask(landmarks[OUTER_LIPS, :2], size, size) * (
        1 - polygon_mask(landmarks[INNER_LIPS, :2], size, size)
    )


def moving_skin_mask(landmarks: Landmarks, size: int) -> np.ndarray:
    """(size, size) float32 in [0, 1]: 1 over eyes, lips and the skin that moves with them, with a soft edge."""
    return cv2.GaussianBlur(_fill_outlines(landmarks, MOVING_SKIN, size), (0, 0), size * SOFTNESS)


def _fill_outlines(landmarks: Landmarks, outlines: Sequence[tuple[np.ndarray, float]], size: int) -> np.ndarray:
    mask = np.zeros((size, size), np.float32)
    for outline, growth in outlines:
        points = landmarks[outline, :2]
        grown = points.mean(0) + growth * (points - points.mean(0))
        mask = np.maximum(mask, polygon_mask(cv2.convexHull(grown.astype(np.float32))[:, 0], size, size))
    return mask


def face_regions(landmarks: Landmarks, mask: np.ndarray) -> np.ndarray:
    """Labels (S, S) uint8 of an (S, S) bool mask: 0 outside the face, else 1 plus the index in :data:`REGIONS`."""
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


def compute_loss_mask(landmarks: Landmarks, mask: np.ndarray) -> np.ndarray:
    """Compute (S, S) float32 weights: the face counts ten times its surroundings, eyes and mouth thrice the face."""
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
