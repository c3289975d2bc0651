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
