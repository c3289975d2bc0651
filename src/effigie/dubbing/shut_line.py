"""The line of shut lips, where the person's mouths are all open: drawn, for a warp leaves a line of teeth and corners.

Landmarks of inner lips do not lie exactly on their edge, and the more a mouth smiles the less. Brought together, such
lips keep a jagged line of what is between them. What along the line looks like no lip is filled from the lips around
it, and the line itself is drawn as two lips that touch make it.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import INNER_LIPS, LOWER_LIP, OUTER_LIPS, UPPER_LIP

BAND_CM = 0.28  # from the line: so far what is no lip is filled
FILL_CM = 0.2  # from which it is filled
ALIKE = 2.2  # standard deviations of the lips' color within which a pixel is lip
MIN_DEVIATION = 3.0  # CIE LAB, of lips of one color
LINE_CM, LINE_DEPTH = 0.05, 0.3  # standard deviation of the line, and how much darker than lips it is
MIN_PIXELS = 12  # of lips, below which nothing is known of their color


def draw_shut_line(patch: np.ndarray, landmarks: Landmarks, share: float, scale: float) -> None:
    """Make shut lips of such as a warp brought together, in place.

    Args:
        patch: (h, w, 3) float32 RGB, the lips and the skin around them.
        landmarks: (478, >= 2) px of the patch; the lips shut.
        share: 0..1, how much is changed.
        scale: px a centimetre.
    """
    if share <= 0:
        return
    size = patch.shape[:2]
    line = np.vstack([landmarks[78, :2], (landmarks[UPPER_LIP, :2] + landmarks[LOWER_LIP, :2]) / 2, landmarks[308, :2]])
    away = _measure_distance(line.astype(np.float32), size)
    outline = cv2.convexHull(landmarks[OUTER_LIPS, :2].astype(np.float32))[:, 0]
    lips = polygon_mask(outline, *size) > 0.5
    opening = polygon_mask(landmarks[INNER_LIPS, :2].astype(np.float32), *size) > 0
    band = (away < BAND_CM * scale) & lips | opening
    reference = lips & ~band
    if reference.sum() < MIN_PIXELS:
        return
    lab = cv2.cvtColor(np.clip(patch, 0, 1), cv2.COLOR_RGB2LAB)
    middle, spread = np.median(lab[reference], axis=0), np.maximum(lab[reference].std(axis=0), MIN_DEVIATION)
    outliers = band & (np.abs(lab - middle) > ALIKE * spread).any(axis=2)
    fill = patch
    if outliers.any():
        hole = cv2.dilate(outliers.astype(np.uint8), np.ones((3, 3), np.uint8)) & lips.astype(np.uint8)
        levels = np.rint(255 * np.clip(patch, 0, 1)).astype(np.uint8)
        inpainting = cv2.inpaint(levels, hole, max(2.0, FILL_CM * scale), cv2.INPAINT_TELEA)
        soft = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), max(0.5, LINE_CM * scale / 2))[..., None]
        fill = patch + np.maximum(soft, hole[..., None]) * (np.float32(1 / 255) * inpainting - patch)
    depth = LINE_DEPTH * np.exp(-((away / max(0.6, LINE_CM * scale)) ** 2) / 2)
    patch += np.float32(share) * (fill * (1 - depth)[..., None] - patch)


def _measure_distance(line: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(h, w) float32 px from a polyline of (N, 2) points."""
    canvas = np.full(size, 255, np.uint8)
    cv2.polylines(canvas, [np.rint(line * 16).astype(np.int32)[:, None]], False, 0, 1, cv2.LINE_8, 4)
    return np.asarray(cv2.distanceTransform(canvas, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
