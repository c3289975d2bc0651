"""Masking of the watermark by local texture (just noticeable difference), for embedder and detector."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MEASUREMENT_LINES = 180  # of the picture in which it is measured
# Sides of median filters there, pixels: of what is no texture but shape, and of a neighbourhood.
_SHAPE, _NEIGHBORHOOD = 9, 13
_STEPS = 4  # of a grey level that are told apart
_DEVIATION = 1.48  # of a normal distribution, for its median distance from the middle
_WINDOW = 7  # of SSIM
_SOFT = 2.0  # deviation of a Gaussian, pixels there


def measurement_size(height: int, width: int) -> tuple[int, int]:
    """(width, height) of the picture to measure in, as OpenCV wants it."""
    scale = min(1.0, MEASUREMENT_LINES / min(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def local_contrast(gray: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) float32 grey levels: how far pixels around every one differ from what is near them.

    Medians throughout: an edge is shape and no texture, and lines that take less than half of a neighbourhood do not
    count, so that bare ground beside a door's frame or a head is bare and no halo shows there.

    Args:
        gray: (h, w) of :func:`measurement_size`, 0 to 255.
    """
    level = np.clip(np.rint(gray), 0, 255).astype(np.uint8)
    fine = cv2.absdiff(level, cv2.medianBlur(level, _SHAPE))
    typical = cv2.medianBlur(cv2.multiply(fine, _STEPS), _NEIGHBORHOOD).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(typical * np.float32(_DEVIATION / _STEPS), (0, 0), _SOFT), np.float32)


def measure_similarity(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """SSIM of two pictures, (H, W) grey levels: uniform windows of 7x7, borders reflected.

    As of scikit-image, within a millionth, in a seventh of the time: every output waits for it.
    """
    x, y = (picture.astype(np.float32) for picture in (first, second))
    mean_x, mean_y = (cv2.blur(picture, (_WINDOW, _WINDOW)) for picture in (x, y))
    sample = _WINDOW**2 / (_WINDOW**2 - 1)
    var_x, var_y, both = (
        (cv2.blur(product, (_WINDOW, _WINDOW)) - means) * sample
        for product, means in ((x * x, mean_x**2), (y * y, mean_y**2), (x * y, mean_x * mean_y))
    )
    light, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    numerator = (2 * mean_x * mean_y + light) * (2 * both + contrast)
    denominator = (mean_x**2 + mean_y**2 + light) * (var_x + var_y + contrast)
    return float(np.mean(numerator / denominator))
