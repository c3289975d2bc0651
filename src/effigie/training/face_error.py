"""The held-out error that training minimises: how unlike the face is, structure alone."""

from __future__ import annotations

import cv2
import numpy as np
from skimage.metrics import structural_similarity


def face_error(made: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """1 - SSIM (Gaussian window, as Wang et al. 2004) within the mask.

    Args:
        made, truth: (S, S, 3) float in [0, 1].
        mask: (S, S) bool.
    """
    grey = [
        cv2.cvtColor(np.ascontiguousarray(picture, np.float32), cv2.COLOR_RGB2GRAY)
        for picture in (made, truth)
    ]
    _, similarity = structural_similarity(
        *grey, data_range=1.0, full=True, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(1 - similarity[mask].mean())
