"""Face error: 1 - SSIM within the mask.

Unit: 0 (identical) to 2; a good reconstruction is below 0.1, the mean face around 0.4. SSIM is
scikit-image's with a Gaussian window, not the loss that training minimises.

What fools it: SSIM forgives a shift of brightness and punishes a shift of a pixel; it prefers blur to wrong
detail.
"""

from __future__ import annotations

import numpy as np
from skimage.metrics import structural_similarity

INSIDE = 0.5


def face_error(made: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """1 - mean SSIM where ``mask`` is above one half.

    Args:
        made, truth: (H, W, 3) in [0, 1], at least 11 px a side.
        mask: (H, W) in [0, 1].

    Raises:
        ValueError: the shapes differ, or the mask is empty.
    """
    if made.shape != truth.shape or made.ndim != 3 or mask.shape != made.shape[:2]:
        raise ValueError(f"picture {made.shape}, truth {truth.shape} and mask {mask.shape} do not fit together")
    inside = mask > INSIDE
    if not inside.any():
        raise ValueError("the mask is empty: nothing to compare")
    _, similarity = structural_similarity(
        np.asarray(made, np.float64),
        np.asarray(truth, np.float64),
        data_range=1.0,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(1 - similarity[inside].mean())
