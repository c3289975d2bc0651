"""How alike two pictures are, window by window: SSIM (Wang et al. 2004), scikit-image's, with a Gaussian window.

Unit: -1..1, 1 is identical. What fools it: it prefers blur to detail that is a pixel off, and a still background
counts as much as the face; hence the face is also measured by itself.
"""

from __future__ import annotations

import numpy as np
from skimage.metrics import structural_similarity

INSIDE = 0.5


def ssim(made: np.ndarray, truth: np.ndarray, face: np.ndarray) -> tuple[float, float]:
    """Of the whole picture and of its face alone.

    Args:
        made, truth: (H, W, 3) uint8.
        face: (H, W) in [0, 1]; the second figure is NaN where it is nowhere above one half.
    """
    whole, each = structural_similarity(
        truth,
        made,
        data_range=255,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    inside = face > INSIDE
    return float(whole), float(each[inside].mean()) if inside.any() else float("nan")
