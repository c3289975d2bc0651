"""Detail transfer: what the prior shows beyond the network's resolution is added to the enlarged picture."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image


def upscale_with_detail(picture: Image, blend_weight: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Enlarge the network's picture to the prior's size, with the prior's detail where the network kept the prior.

    Args:
        picture: (S, S, 3) float32 in [0, 1], what the network made.
        blend_weight: (S, S) float32 in [0, 1], how much of the prior it holds.
        prior: (L, L, 3) in [0, 1] as rendered at full size, L >= S.

    Returns:
        (L, L, 3) float32, slightly outside [0, 1] at places.
    """
    small, side = picture.shape[0], prior.shape[0]
    upscaled = upscale(picture, side)
    if side > small:
        upscaled += cv2.multiply(extract_detail(prior, small), cv2.merge([upscale(blend_weight, side)] * 3))
    return upscaled


def extract_detail(prior: np.ndarray, small: int) -> np.ndarray:
    """(L, L, 3) detail that ``prior`` shows beyond a resolution of ``small`` pixels."""
    return prior - upscale(cv2.resize(prior, (small, small), interpolation=cv2.INTER_AREA), prior.shape[0])


def upscale(picture: Image, side: int) -> np.ndarray:
    """A copy enlarged to ``side`` pixels a side."""
    if picture.shape[0] == side:
        return picture.copy()
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
