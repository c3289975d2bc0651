"""Masking of the watermark by local texture (just noticeable difference), for embedder and detector."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MEASUREMENT_LINES = 180  # of the picture in which it is measured
_FINE, _AROUND, _SOFT = 3.0, 3.0, 2.0  # deviations of Gaussians, pixels there
_BARE = 11  # pixels there that a hard edge's contrast is kept from bare ground beside it


def measurement_size(height: int, width: int) -> tuple[int, int]:
    """(width, height) of the picture to measure in, as OpenCV wants it."""
    scale = min(1.0, MEASUREMENT_LINES / min(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def local_contrast(gray: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) float32 grey levels: root mean square of what is finer than some pixels, around every pixel.

    Beside a hard edge the contrast of a neighbourhood is high and the ground still bare; the least of the
    neighbourhoods that a pixel lies in decides, so that no halo shows there.

    Args:
        gray: (h, w) of :func:`measurement_size`, 0 to 255.
    """
    level = gray.astype(np.float32)
    fine = level - cv2.GaussianBlur(level, (0, 0), _FINE)
    around = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), _AROUND))
    least = cv2.erode(around, np.ones((_BARE, _BARE), np.uint8))
    return np.asarray(cv2.GaussianBlur(least, (0, 0), _SOFT), np.float32)
