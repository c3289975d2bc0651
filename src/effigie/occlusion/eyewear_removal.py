"""A face without the glasses it wears: strokes filled with skin, lenses as bright and colored as the skin around them.

Skin is continued into a stroke from either side, which does for a metal rim. Under a wide one lies more than its sides
tell, a brow above all: what is made there is a guess. Reflections stay.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.mesh import LEFT_EYE, RIGHT_EYE
from effigie.occlusion.eyewear import Eyewear

INPAINT_RADIUS = 4  # px
FILL_SIGMA = 0.014  # of the picture's side: filled from both sides, a stroke's middle would be a step from lens to skin
CROSS = np.ones((3, 3), np.uint8)
# Shares of the lens's width: skin that is compared, inside and outside of the rim's lower half; how softly a tint ends.
INSIDE, OUTSIDE, EDGE_SIGMA = 0.22, 0.3, 0.05
TINT_RANGE = (0.6, 1.7)  # factors beyond are no tint but something else
MIN_SKIN = 30  # px that are compared
# A reflection: lighter than the cheek, and than what lies beside it within a part of the lens's width.
GLARE_LEVEL, GLARE_RISE, GLARE_WIDTH, RIM_WIDTH = 1.05, 0.1, 0.3, 0.08


def remove_eyewear(picture: Image, eyewear: Eyewear, reflections: np.ndarray | None = None) -> Image:
    """The (S, S, 3) uint8 picture with skin in the place of the strokes, continued from either side.

    Args:
        reflections: (S, S) bool, from :func:`find_reflections`; filled, too.
    """
    mask = np.asarray(eyewear.strokes if reflections is None else eyewear.strokes | reflections, np.uint8)
    filled = cv2.inpaint(np.ascontiguousarray(picture), mask, INPAINT_RADIUS, cv2.INPAINT_TELEA)
    smooth = cv2.GaussianBlur(filled, (0, 0), FILL_SIGMA * picture.shape[0])
    weight = cv2.GaussianBlur(cv2.erode(mask, CROSS).astype(np.float32), (0, 0), 1.0) * mask
    return np.asarray(np.rint(filled + weight[..., None] * (smooth.astype(np.float32) - filled)), np.uint8)


def find_reflections(picture: Image, eyewear: Eyewear, landmarks: Landmarks) -> np.ndarray:
    """(S, S) bool: where a lamp or a window shows in a lens, on the lids and the skin around an eye.

    Args:
        picture: (S, S, 3) uint8, its lenses cleared of their tint.
        landmarks: (478, >= 2) px of it.
    """
    size = picture.shape[0]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    eyes = np.zeros((size, size), np.uint8)
    for eye in (LEFT_EYE, RIGHT_EYE):
        cv2.fillConvexPoly(eyes, cv2.convexHull(np.rint(landmarks[eye, :2]).astype(np.int32)), 1)
    reflections = np.zeros((size, size), bool)
    for outline in eyewear.lenses:
        width, lens = float(np.ptp(outline[:, 0])), _fill(outline, size)
        cheek = _find_cheek(lens, width, eyewear, outline[:, 1].mean())
        if width < 8 or cheek.sum() < MIN_SKIN:
            continue
        skin = float(np.median(grey[cheek]))
        rise = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, _disc(GLARE_WIDTH * width / 2))
        reflections |= _erode(lens, RIM_WIDTH * width) & (rise > GLARE_RISE * skin) & (grey > GLARE_LEVEL * skin)
    reflections &= cv2.dilate(eyes, CROSS) == 0
    return np.asarray(cv2.dilate(reflections.astype(np.uint8), _disc(2)) > 0)


def clear_lenses(picture: Image, eyewear: Eyewear) -> Image:
    """The (S, S, 3) uint8 picture with what either lens shows in the color of the cheek below it."""
    result = picture.astype(np.float32)
    for outline in eyewear.lenses:
        width = float(np.ptp(outline[:, 0]))
        lens = _fill(outline, picture.shape[0])
        if width < 8 or not lens.any():
            continue
        top = outline[:, 1].mean() + 0.25 * np.ptp(outline[:, 1])
        inside = _cut_above(lens & ~_erode(lens, INSIDE * width) & ~eyewear.strokes, top)
        outside = _find_cheek(lens, width, eyewear, top)
        if inside.sum() < MIN_SKIN or outside.sum() < MIN_SKIN:
            continue
        gain = (np.median(picture[outside], axis=0) + 2) / (np.median(picture[inside], axis=0) + 2)
        soft = cv2.GaussianBlur(lens.astype(np.float32), (0, 0), max(EDGE_SIGMA * width, 0.5))[..., None]
        result *= 1 + soft * (np.clip(gain, *TINT_RANGE).astype(np.float32) - 1)
    return np.asarray(np.clip(np.rint(result), 0, 255), np.uint8)


def _find_cheek(lens: np.ndarray, width: float, eyewear: Eyewear, top: float) -> np.ndarray:
    """(S, S) bool: bare skin beside a lens, below a row."""
    return _cut_above(_erode(lens, -OUTSIDE * width) & ~lens & ~eyewear.strokes, top)


def _cut_above(mask: np.ndarray, top: float) -> np.ndarray:
    return np.asarray(mask & (np.arange(len(mask))[:, None] > top))


def _fill(outline: np.ndarray, size: int) -> np.ndarray:
    filled = np.zeros((size, size), np.uint8)
    cv2.fillPoly(filled, [np.rint(outline).astype(np.int32)], 1)
    return filled > 0


def _erode(mask: np.ndarray, distance: float) -> np.ndarray:
    """(S, S) bool, smaller by so many px; larger where it is negative."""
    morph = cv2.erode if distance > 0 else cv2.dilate
    return np.asarray(morph(mask.astype(np.uint8), _disc(abs(distance)))) > 0


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(round(radius), 1) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
