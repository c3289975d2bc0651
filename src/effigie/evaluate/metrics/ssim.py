"""SSIM (Wang et al. 2004), scikit-image's, with a Gaussian window.

Unit: -1..1, 1 is identical. What fools it: it prefers blur to detail that is a pixel off, and a still background
counts as much as the face; hence the face is also measured by itself.
"""

from __future__ import annotations

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from effigie.arrays import Image

INSIDE = 0.5
WINDOW = 5  # px that the Gaussian window reaches to either side


def ssim(output: Image, truth: np.ndarray, face: np.ndarray) -> tuple[float, float]:
    """SSIM of two (H, W, 3) uint8, and of the face alone: NaN where (H, W) ``face`` is nowhere above one half."""
    whole, similarity = _windows(output, truth, 2)
    inside = face > INSIDE
    return whole, float(similarity[inside].mean()) if inside.any() else float("nan")


def compute_background_ssim(output: Image, truth: np.ndarray, mask: np.ndarray) -> float:
    """SSIM of brightness outside the (H, W) mask: of windows that lie wholly where it is 0; NaN where none does."""
    touched = cv2.dilate((mask > 0).view(np.uint8), np.ones((2 * WINDOW + 1,) * 2, np.uint8))
    outside = touched == 0
    if not outside.any() or min(mask.shape) < 2 * WINDOW + 1:
        return float("nan")
    mine, true = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (output, truth))
    _, similarity = _windows(mine, true, None)
    return float(similarity[outside].mean())


def _windows(output: Image, truth: np.ndarray, channels: int | None) -> tuple[float, np.ndarray]:
    mean, similarity = structural_similarity(
        truth,
        output,
        data_range=255,
        channel_axis=channels,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(mean), similarity
