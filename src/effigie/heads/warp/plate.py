"""Fills in what a person hides of the background, once a portrait: from what can be seen of it, like by like.

Every piece in the hole is taken from where the rest of the picture is most like it (Barnes, Shechtman, Finkelstein and
Goldman, "PatchMatch", 2009; the package pypatchmatch), so that edges and patterns go on. What is found may be lighter
than what it joins: the difference along the hole's edge is continued into it.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

import cv2
import numpy as np
from patchmatch import patch_match

from effigie.io.measurements import measure_once

STRAND_WIDTH = 9  # cells: what is thinner than half of that, single hairs, is not continued
PATCH_RADIUS = 5  # px
MAX_SIDE = 320  # px of the longer side in which pieces are searched for: less than a second of work
CACHE_SIZE = 4  # filled pictures: a portrait is opened anew by every preview, and for each of several drivers
OVERLAP = 3  # cells of known background that are filled as well, to see how the filling differs from it


def fill_plate(image: np.ndarray, small: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The background continued behind a person.

    Args:
        image: (H, W, 3) uint8.
        small: (h, w, 3) uint8, the same in coarse cells.
        mask: (h, w) bool: where that is background.

    Returns:
        (H, W, 3) float32; where ``mask``, it need not be the picture.
    """
    height, width = image.shape[:2]
    scale = min(1.0, MAX_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    background = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.99
    radius = max(2, round(OVERLAP * size[0] / small.shape[1]))
    candidates = (
        cv2.erode(background.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)) > 0
    )
    if not patch_match.patchmatch_available or not candidates.any() or candidates.all():
        smooth = fill_smoothly(cv2.medianBlur(small, STRAND_WIDTH), mask)
        return cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR)
    result = _inpaint(picture.tobytes(), candidates.tobytes(), picture.shape[:2])
    result = result + fill_smoothly(picture.astype(np.float32) - result, background)
    return np.clip(cv2.resize(result, (width, height), interpolation=cv2.INTER_CUBIC), 0, 255)


@lru_cache(maxsize=CACHE_SIZE)
def _inpaint(picture: bytes, background: bytes, size: tuple[int, int]) -> np.ndarray:
    """(h, w, 3) float32, read-only: the picture of (h, w) uint8 RGB with what is not known found elsewhere in it.

    Kept on disk as well, for it takes a third of the time to an animation's first frame; only what is filled in is.
    """
    hole = ~np.frombuffer(background, bool).reshape(size)
    image = np.frombuffer(picture, np.uint8).reshape(*size, 3)

    def fill() -> str:
        patch_match.set_random_seed(0)
        mask = np.where(hole, 255, 0).astype(np.uint8)[..., None]
        filled = np.asarray(patch_match.inpaint(image, mask, patch_size=PATCH_RADIUS), np.uint8)
        return base64.b64encode(filled[hole].tobytes()).decode()

    def is_valid(value: object) -> bool:
        return len(base64.b64decode(str(value), validate=True)) == 3 * hole.sum()

    content = hashlib.sha256(picture + background + str(size).encode()).hexdigest()
    filled = base64.b64decode(measure_once("plates", content, fill, is_valid))
    result = image.astype(np.float32)
    result[hole] = np.frombuffer(filled, np.uint8).reshape(-1, 3)
    result.flags.writeable = False
    return result


def fill_smoothly(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32: the known pixels, and between them their mean, from coarse to fine."""
    levels = []
    weight = mask.astype(np.float32)
    color = picture.astype(np.float32) * weight[..., None]
    while min(weight.shape) > 1:
        levels.append((color, weight))
        size = (-(-weight.shape[1] // 2), -(-weight.shape[0] // 2))
        color, weight = (cv2.resize(level, size, interpolation=cv2.INTER_AREA) for level in (color, weight))
    result = color.reshape(*weight.shape, 3) / np.maximum(weight, 1e-6)[..., None]
    for color, weight in reversed(levels):
        result = cv2.resize(result, weight.shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(*weight.shape, 3)
        sure = np.minimum(weight * 4, 1)[..., None]
        result += sure * (color / np.maximum(weight, 1e-6)[..., None] - result)
    return result
