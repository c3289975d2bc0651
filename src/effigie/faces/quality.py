"""Image quality of a face's crop."""

from __future__ import annotations

import cv2
import numpy as np


def sharpness(crop: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Variance of the Laplacian of the grey picture (levels squared), inside ``mask`` if given.

    Args:
        crop: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
    """
    response = cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_16S)
    if mask is not None:
        response = response[mask]
        return float(response.astype(np.float32).var()) if response.size else 0.0
    _, deviation = cv2.meanStdDev(response)
    return float(deviation[0, 0] ** 2)
