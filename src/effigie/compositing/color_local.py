"""Colour transfer by shading: the low frequencies of the footage under the detail of the made face.

The low-pass looks at the counted pixels alone (normalised convolution; Knutsson and Westin 1993), and at
plain skin first of all, so that eyes, brows and lips neither tint the skin around them nor are tinted by it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.compositing.color_global import measure_reinhard, reduce_chroma
from effigie.compositing.window import CropWindow

Picture = NDArray[np.float32]
Array = NDArray[Any]

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # brightness of RGB, as OpenCV has it
WHITE_PROTECTION = 0.5  # share of a new tint that white parts (teeth, eyes) do not take on
MAX_LOG_GAIN = 0.35  # the natural logarithm of the gain of detail never leaves ±0.35: 0.7 to 1.42
BRIGHTNESS_FLOOR = 0.02  # grey levels 0..1 that keep ratios of brightness finite
TINT_FLOOR = 0.04**2  # squared tint below which a face is grey and nothing tells teeth from skin
HALF_SIZE_SIGMA = (
    6.0  # px of a blur from which on a picture of half the size is blurred: the same in a third of the time
)
SHADING_SIGMA = 0.16  # of the mask's longer side: the finest shading that is taken over


def plain_skin_weight(picture: Picture, weight: Array) -> Array:
    """(R, R) weights in 0..1: 0 for what differs from the shading, such as eyes, brows, lips and glints."""
    shading = measure_shading(picture, weight)
    excess = np.abs(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) - cv2.cvtColor(shading, cv2.COLOR_RGB2GRAY))
    usual = np.median(excess[weight > 0.5 * weight.max()]) * 3 + 1e-3
    return np.maximum(1 - (excess / usual) ** 2, 0)


def measure_shading(picture: Picture, weight: Array) -> Array:
    """(R, R, 3) the shading of a picture (R, R, 3) RGB float32 in 0..1 under weights (R, R)."""
    # A face's outline fills about 0.7 of its box; an area jumps less between frames than the box does.
    sigma = SHADING_SIGMA * np.sqrt(np.count_nonzero(weight) / 0.7)
    return _normalized_blur(picture, weight, sigma)


def _normalized_blur(picture: Picture, weight: Array, sigma: float) -> Picture:
    total = max(float(weight.sum()), 1e-9)
    weighted = cv2.multiply(picture, cv2.merge([weight] * 3))
    mean = np.array(cv2.sumElems(weighted)[:3], np.float32) / np.float32(total)
    weighted -= mean * weight[..., None]
    stacked, size = cv2.merge([weighted, weight]), picture.shape[1::-1]
    if sigma >= HALF_SIZE_SIGMA:
        half = size[0] // 2, size[1] // 2
        stacked, sigma = cv2.resize(stacked, half, interpolation=cv2.INTER_AREA), sigma / 2
    blurred = cv2.GaussianBlur(stacked, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    # Far from any counted pixel the answer fades to the mean instead of dividing nothing by nothing.
    return np.asarray(cv2.resize(blurred[..., :3] / (blurred[..., 3:] + np.float32(1e-3)) + mean, size))


def apply_shading(face: Picture, source: Array, target: Array, window: CropWindow, side: int) -> Picture:
    """A made face with the shading ``target`` in the place of its own, ``source``, both (R, R, 3) of the crop.

    Args:
        face: (h, w, 3) what the window shows of the crop.
        side: px a side of the crop.
    """
    enlarge = partial(window.enlarge, side=side)
    source_gray, target_gray = (cv2.cvtColor(field, cv2.COLOR_RGB2GRAY) for field in (source, target))
    # Detail is scaled with light, as texture is, but less and less: so large a ratio is another skin, and
    # gloss does not grow. Less light takes the colour of lips and cheeks with it; more is given to brightness
    # alone, for the colour of a dark picture is noisy.
    ratio = np.log((target_gray + BRIGHTNESS_FLOOR) / (source_gray + BRIGHTNESS_FLOOR))
    gain = np.exp(MAX_LOG_GAIN * np.tanh(ratio / MAX_LOG_GAIN))
    dimming, contrast = np.minimum(gain, 1), np.maximum(gain, 1)
    face = cv2.multiply(face, cv2.merge([enlarge(dimming)] * 3))
    source, source_gray = source * dimming[..., None], source_gray * dimming
    base, new_base = (enlarge(field, interpolation=cv2.INTER_CUBIC) for field in (source_gray, target_gray))
    gray = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    lift = cv2.multiply(enlarge(contrast - 1), cv2.subtract(gray, base))
    lift += new_base
    lift -= base
    tint, new_tint = source - source_gray[..., None], target - target_gray[..., None]
    strength = (tint * tint).sum(axis=2, keepdims=True)
    # The change in two parts: what takes the skin's own tint away, and what brings another.
    fading = np.clip(1 - (new_tint * tint).sum(axis=2, keepdims=True) / (strength + TINT_FLOOR), 0, 1) * -tint
    brightness = cv2.divide(gray, cv2.max(base, BRIGHTNESS_FLOOR))
    projection = (tint - tint.sum(axis=2, keepdims=True) * LUMA_WEIGHTS) / (strength + TINT_FLOOR)
    chroma, saturation = _skin_tint_share(face, enlarge(projection), brightness)
    # White parts (teeth, eyes) have nothing to lose and are spared some of the new: skins differ in colour
    # more than lights do. Not where the face is grey anyway, for then nothing tells teeth from skin.
    spared = enlarge(WHITE_PROTECTION * strength[..., 0] / (strength[..., 0] + TINT_FLOOR))
    # Brows and lashes send back little of any light: as much tint as skin takes on would turn them red.
    uptake = cv2.min(brightness, 1.0)
    uptake *= 1 - spared * (1 - saturation)
    result = cv2.add(face, cv2.merge([lift] * 3), dst=face)
    cv2.accumulateProduct(enlarge(fading), cv2.merge([chroma] * 3), result)
    cv2.accumulateProduct(enlarge(new_tint - tint - fading), cv2.merge([uptake] * 3), result)
    return np.asarray(result, np.float32)


def _skin_tint_share(face: Picture, projection: Array, brightness: Array) -> tuple[Array, Array]:
    """How much of the skin's tint each pixel has, 0..2, absolutely and for its brightness: two (h, w) arrays.

    Both are about 1 for skin and 0 for teeth and eyes; a shadow has less of the first, but not of the second.

    Args:
        face: (h, w, 3) the made face.
        projection: (h, w, 3) by which its colours are multiplied to find that share.
        brightness: (h, w) each pixel's, as a multiple of what is usual around it.
    """
    chroma = cv2.transform(cv2.multiply(face, projection), np.ones((1, 3)))
    saturation = cv2.divide(chroma, cv2.max(brightness, 0.1))
    return tuple(cv2.min(cv2.max(share, 0.0), 2.0) for share in (chroma, saturation))


def measure_shading_and_chroma(picture: Picture, weight: Array) -> Array:
    """(R * R + 2, 3) the shading of :func:`measure_shading`, and below it mean and spread of LAB."""
    return np.vstack([measure_shading(picture, weight).reshape(-1, 3), measure_reinhard(picture, weight)])


def apply_shading_and_chroma(face: Picture, source: Array, target: Array, window: CropWindow, side: int) -> Picture:
    """A made face (see :func:`apply_shading`) as colourful as the footage first, all of it alike, then in its shading.

    Shading alone takes the same tint from lips as from skin: from yellow light into grey, lips turn magenta.
    """
    cells = round(np.sqrt(len(source) - 2))
    face = reduce_chroma(face, source[-2:], target[-2:])
    shadings = [statistics[:-2].reshape(cells, cells, 3) for statistics in (source, target)]
    return apply_shading(face, reduce_chroma(shadings[0], source[-2:], target[-2:]), shadings[1], window, side)
