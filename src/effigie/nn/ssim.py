"""Held-out error of faces: 1 - SSIM within a mask, and by region."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from effigie.arrays import Image


def masked_ssim_error(output: Image, truth: np.ndarray, mask: np.ndarray) -> float:
    """1 - SSIM (Gaussian window, as Wang et al. 2004) within the mask.

    Args:
        output, truth: (S, S, 3) float in [0, 1].
        mask: (S, S) bool.
    """
    return float(1 - _ssim_map(output, truth)[mask].mean())


def region_ssim_errors(
    output: Sequence[np.ndarray] | np.ndarray,
    truth: Sequence[np.ndarray] | np.ndarray,
    regions: Sequence[np.ndarray] | np.ndarray,
    names: Sequence[str],
    masks: Sequence[np.ndarray] | None = None,
) -> dict[str, float]:
    """``error``, the mean :func:`masked_ssim_error` of pictures, and ``error_<name>``, that of each region by itself.

    A region's mean is over the pictures that show it; of one that none shows there is no figure. All are read off
    one map of similarity a picture.

    Args:
        output, truth: N times (S, S, 3) float in [0, 1].
        regions: N times (S, S) uint8: 0 beside the face, 1 in the first of ``names``, and so on.
        masks: N times (S, S) bool, the face, where that is not all the regions together.
    """
    errors: dict[str, list[float]] = {}
    masks = [labels > 0 for labels in regions] if masks is None else masks
    for output_picture, truth_picture, labels, mask in zip(output, truth, regions, masks, strict=True):
        similarity = _ssim_map(output_picture, truth_picture)
        errors.setdefault("error", []).append(float(1 - similarity[mask].mean()))
        for number, name in enumerate(names, 1):
            inside = labels == number
            if inside.any():
                errors.setdefault(f"error_{name}", []).append(float(1 - similarity[inside].mean()))
    return {name: float(np.mean(values)) for name, values in errors.items()}


def _ssim_map(output: Image, truth: np.ndarray) -> np.ndarray:
    """(S, S) SSIM around each pixel."""
    gray = [cv2.cvtColor(np.ascontiguousarray(picture, np.float32), cv2.COLOR_RGB2GRAY) for picture in (output, truth)]
    _, similarity = structural_similarity(
        *gray, data_range=1.0, full=True, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return np.asarray(similarity)
