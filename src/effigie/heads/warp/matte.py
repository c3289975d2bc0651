"""The matte of a person before a known plate: how much of every pixel at the edge is theirs, and its colour."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.heads.warp.plate import fill_smoothly

SURE_CM = 0.5  # inside the outline, from which on all is the person's
EDGE_CM = 0.25  # over which the outline itself fades where colours tell nothing
CLEAR_CONTRAST = 70.0  # levels between the person's and the plate's colour with which colours tell all
FILL_CELLS_PER_CM = 2.0  # at which the person's colours are continued outward


def estimate_matte(
    image: Image, plate: Image, outline: np.ndarray, margin: float, scale: float
) -> tuple[np.ndarray, Image]:
    """Cover and colour of a person in front of a plate.

    At the edge a pixel lies on the way from the plate's colour to the person's, as far as it is theirs. What differs
    from the plate by more than any colour can explain is theirs as far as it must be, so that cover and colour over
    the plate are the picture again.

    Args:
        image: (H, W, 3) uint8 RGB.
        plate: (H, W, 3) uint8, the background without the person.
        outline: (H, W) float32 cm from the person's rough outline, negative inside.
        margin: cm outside it where nothing is theirs.
        scale: pixels a cm.

    Returns:
        (H, W) float32 cover in [0, 1] and (H, W, 3) uint8 colour, of anything where the cover is 0.
    """
    picture, background = image.astype(np.float32), plate.astype(np.float32)
    theirs = _continue_color(image, outline < -SURE_CM, scale)
    toward = theirs - background
    contrast = np.sqrt((toward**2).sum(2))
    share = ((picture - background) * toward).sum(2) / np.maximum(contrast**2, 1.0)
    plain = np.clip(0.5 - outline / (2 * EDGE_CM), 0, 1)
    certainty = np.clip(contrast / CLEAR_CONTRAST - 0.3, 0, 1)
    cover = plain + certainty * (np.clip((share - 0.1) / 0.8, 0, 1) - plain)
    cover = np.maximum(cover, np.clip(-outline / SURE_CM, 0, 1))
    # No colour is darker than black or brighter than white.
    least = np.maximum(
        (background - picture) / np.maximum(background, 1), (picture - background) / np.maximum(255 - background, 1)
    )
    cover = np.maximum(cover, np.clip(least.max(2), 0, 1))
    cover = np.where(outline >= margin, 0, cover).astype(np.float32)
    color = background + (picture - background) / np.maximum(cover, 1e-3)[..., None]
    color = np.where(cover[..., None] > 0, np.clip(np.round(color), 0, 255), picture)
    return cover, color.astype(np.uint8)


def _continue_color(image: Image, sure: np.ndarray, scale: float) -> np.ndarray:
    """(H, W, 3) float32 the person's colour next to every pixel."""
    height, width = image.shape[:2]
    factor = min(1.0, FILL_CELLS_PER_CM / scale)
    size = (max(2, round(width * factor)), max(2, round(height * factor)))
    weight = cv2.resize(sure.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    color_sum = cv2.resize(image * sure[..., None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    fill = fill_smoothly(color_sum / np.maximum(weight, 1e-3)[..., None], weight > 0.3)
    return np.asarray(cv2.resize(fill, (width, height)))
