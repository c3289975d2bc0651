"""A face without the glasses it wears: strokes filled with skin, lenses as bright and colored as the skin around them.

Skin is continued into a stroke from either side, which does for a metal rim. Under a wide one lies more than its sides
tell, a brow above all: what is made there is a guess. Reflections stay.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.occlusion.eyewear import Eyewear

INPAINT_RADIUS = 4  # px
FILL_SIGMA = 0.014  # of the picture's side: filled from both sides, a stroke's middle would be a step from lens to skin
CROSS = np.ones((3, 3), np.uint8)
# Shares of the lens's width: skin that is compared, inside and outside of the rim's lower half; how softly a tint ends.
INSIDE, OUTSIDE, EDGE_SIGMA = 0.22, 0.3, 0.05
TINT_RANGE = (0.6, 1.7)  # factors beyond are no tint but something else
MIN_SKIN = 30  # px that are compared


def remove_eyewear(picture: Image, eyewear: Eyewear) -> Image:
    """The (S, S, 3) uint8 picture with skin in the place of the strokes, continued from either side."""
    mask = np.asarray(eyewear.strokes, np.uint8)
    filled = cv2.inpaint(np.ascontiguousarray(picture), mask, INPAINT_RADIUS, cv2.INPAINT_TELEA)
    smooth = cv2.GaussianBlur(filled, (0, 0), FILL_SIGMA * picture.shape[0])
    weight = cv2.GaussianBlur(cv2.erode(mask, CROSS).astype(np.float32), (0, 0), 1.0) * mask
    return np.asarray(np.rint(filled + weight[..., None] * (smooth.astype(np.float32) - filled)), np.uint8)


def clear_lenses(picture: Image, eyewear: Eyewear) -> Image:
    """The (S, S, 3) uint8 picture with what either lens shows in the color of the cheek below it."""
    result = picture.astype(np.float32)
    for outline in eyewear.lenses:
        width = float(np.ptp(outline[:, 0]))
        lens, free = _fill(outline, picture.shape[0]), ~eyewear.strokes
        if width < 8 or not lens.any():
            continue
        below = np.arange(picture.shape[0])[:, None] > outline[:, 1].mean() + 0.25 * np.ptp(outline[:, 1])
        inside = lens & ~_erode(lens, INSIDE * width) & free & below
        outside = _erode(lens, -OUTSIDE * width) & ~lens & free & below
        if inside.sum() < MIN_SKIN or outside.sum() < MIN_SKIN:
            continue
        gain = (np.median(picture[outside], axis=0) + 2) / (np.median(picture[inside], axis=0) + 2)
        soft = cv2.GaussianBlur(lens.astype(np.float32), (0, 0), max(EDGE_SIGMA * width, 0.5))[..., None]
        result *= 1 + soft * (np.clip(gain, *TINT_RANGE).astype(np.float32) - 1)
    return np.asarray(np.clip(np.rint(result), 0, 255), np.uint8)


def _fill(outline: np.ndarray, size: int) -> np.ndarray:
    filled = np.zeros((size, size), np.uint8)
    cv2.fillPoly(filled, [np.rint(outline).astype(np.int32)], 1)
    return filled > 0


def _erode(mask: np.ndarray, distance: float) -> np.ndarray:
    """(S, S) bool, smaller by so many px; larger where it is negative."""
    side = 2 * max(round(abs(distance)), 1) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    morph = cv2.erode if distance > 0 else cv2.dilate
    return np.asarray(morph(mask.astype(np.uint8), disc)) > 0
