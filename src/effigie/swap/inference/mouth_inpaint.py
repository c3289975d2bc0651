"""Teeth and tongue that the source's footage never showed, taken from the footage that is being swapped.

Nothing in the source's frames says what a laugh of theirs looks like inside if they never laughed, and lips pulled
apart by a warp show smeared lips. What lies between the lips says little about who somebody is, and the target's own
moves, opens and shines as it should.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import INNER_LIPS, OUTER_LIPS
from effigie.faces.warp import Canvas, enclosing
from effigie.swap.shape_retarget import LOWER_LIP, UPPER_LIP

# Centimetres between the wanted mouth and the source's nearest: theirs alone, the target's alone.
KNOWN, UNKNOWN = 0.4, 0.8
# Of the mouth's opening: how far its inside reaches under either lip and beyond the corners, and how softly it ends.
GROW, WIDEN, EDGE = 0.1, 0.15, 0.06
AROUND = 1.7  # the skin whose light is compared reaches so far around the lips


def borrowed_share(misfit: float) -> float:
    """0..1: how much of the mouth's inside is the target's, by how far (cm) the source's nearest mouth is away."""
    return float(np.clip((misfit - KNOWN) / (UNKNOWN - KNOWN), 0, 1))


def borrow_inside(
    made: np.ndarray, footage: np.ndarray, landmarks: np.ndarray, canvas: Canvas, share: float
) -> np.ndarray:
    """The made face with the inside of the footage's mouth between its lips, in the made face's light.

    Args:
        made: (S, S, 3) float32 in [0, 1].
        footage: (S, S, 3) uint8, the target's face in the same crop.
        landmarks: (478, 3) of the footage, in its pixels.
        canvas: the made face's geometry.
        share: 0..1, see :func:`borrowed_share`.
    """
    inside = _inside(canvas.target, canvas.size) * np.float32(share)
    ring = _around(canvas.target, canvas.size)
    box = enclosing(np.maximum(inside, ring))
    if box is None or not inside.any():
        return made
    moved = canvas.warp(footage, landmarks, box).image / np.float32(255)
    under, ring, share_inside = made[box], ring[box][..., None], inside[box][..., None]
    total = max(float(ring.sum()), 1e-3)
    gain = ((under * ring).sum((0, 1)) / total + 0.02) / ((moved * ring).sum((0, 1)) / total + 0.02)
    result = made.copy()
    result[box] += share_inside * (moved * np.clip(gain, 0.4, 2.5) - under)
    return result


def _inside(landmarks: np.ndarray, size: int) -> np.ndarray:
    """(S, S) float32: 1 between the lips, fading out under them; 0 everywhere where they are closed."""
    upper, lower = landmarks[UPPER_LIP, :2], landmarks[LOWER_LIP, :2]
    opening = float(np.linalg.norm(landmarks[13, :2] - landmarks[14, :2]))
    if opening < 0.01 * size:
        return np.zeros((size, size), np.float32)
    reach = GROW * (upper - lower)
    corners = landmarks[INNER_LIPS[[0, 10]], :2]
    across = (corners[1] - corners[0]) / max(float(np.linalg.norm(corners[1] - corners[0])), 1e-3)
    corners = corners + WIDEN * opening * np.stack([-across, across])
    outline = np.concatenate([corners[:1], upper + reach, corners[1:], (lower - reach)[::-1]])
    mask = polygon_mask(outline.astype(np.float32), size, size)
    return cv2.GaussianBlur(mask, (0, 0), max(0.6, EDGE * opening))


def _around(landmarks: np.ndarray, size: int) -> np.ndarray:
    """(S, S) float32: skin around the lips."""
    lips = landmarks[OUTER_LIPS, :2]
    middle = lips.mean(0)
    wide = cv2.convexHull((middle + AROUND * (lips - middle)).astype(np.float32))[:, 0]
    whole = polygon_mask(wide, size, size)
    return np.clip(whole - polygon_mask(lips.astype(np.float32), size, size), 0, 1)
