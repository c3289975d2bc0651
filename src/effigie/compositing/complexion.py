"""Fits the made face's skin to the footage's own: what is coarser than its features, place by place.

Colour transfer works by statistics and shading and leaves patches: on ten pairs the worst of six places on the skin was
5 to 16 (CIE76) off the footage. The footage has skin of the target's at every place of the face, so what is left is
measured there and added.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.compositing.color_local import LUMA_WEIGHTS
from effigie.compositing.window import CropWindow

# Of the crop's side: half an eye's width for colour, a whole one for brightness, in which the shape of cheeks, nose and
# brow lies: fitted as finely as colour, likeness fell by 0.02 to 0.09.
COLOR_SIGMA, BRIGHTNESS_SIGMA = 0.05, 0.1
MAX_OFFSET = 0.15  # grey levels 0..1: more is a beard or hair, not the complexion
MIN_PIXELS = 10.0  # of the small pictures, below which there is no skin to measure


def fit_complexion(
    face: Image, reference: Image, weight: np.ndarray, share: float, window: CropWindow | None = None
) -> Image:
    """The made face with the footage's skin.

    Args:
        face: (h, w, 3) float32 in 0..1, what the window shows of the crop.
        reference: (R, R, 3) float32, the footage under the crop.
        weight: (R, R) in 0..1, where both show skin: not brows, eyes, lips, nor what covers the face.
        share: 0 leaves the face as it is, 1 gives it the footage's complexion.
        window: None where the face is the whole crop.

    Returns:
        (h, w, 3) float32 in 0..1.
    """
    side = reference.shape[0]
    window = window or CropWindow.whole()
    reference, weight = (array[window.pixels(side)] for array in (reference, weight))
    if share == 0 or weight.sum() < MIN_PIXELS:
        return face
    offset = reference - cv2.resize(face, window.size(side), interpolation=cv2.INTER_AREA)
    weight = weight + np.float32(1e-4)  # far from any skin the offset of all of it
    offset = np.clip(offset, -MAX_OFFSET, MAX_OFFSET)
    brightness = (offset @ LUMA_WEIGHTS)[..., None]
    field = _blur(offset - brightness, weight, COLOR_SIGMA * side) + _blur(brightness, weight, BRIGHTNESS_SIGMA * side)
    result = cv2.resize(np.float32(share) * field, face.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(cv2.add(face, result, dst=result), 0, 1, out=result)


def _blur(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Normalised blur of (R, R, C) values under (R, R) weights."""
    blurred = cv2.GaussianBlur(np.dstack([values * weight[..., None], weight]).astype(np.float32), (0, 0), sigma)
    return np.asarray(blurred[..., :-1] / np.maximum(blurred[..., -1:], np.float32(1e-9)))
