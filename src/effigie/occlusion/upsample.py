"""Upsamples a small mask to the picture's size, its edges following the picture's.

The fast guided filter (He and Sun 2015): around every pixel the mask is fitted as a straight line over brightness, at
the mask's size; the lines are enlarged and asked with the brightness of the large picture. The rim of a pair of
glasses, a pixel and a half wide and half covered at 128 px, is then as narrow and as sure as it was filmed.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image

RADIUS = 2  # px of the mask: wide enough to see both sides of a rim, and no wider
NOISE_VARIANCE = 0.03**2  # variance of brightness 0..1 that is not followed: grain and pores are no edges


def upsample_mask(mask: np.ndarray, small: np.ndarray, large: np.ndarray) -> np.ndarray:
    """The mask at the size of ``large``.

    Args:
        mask: (s, s) float32 in 0..1.
        small: (s, s, 3) uint8 RGB, the picture the mask was made of.
        large: (S, S, 3) uint8 RGB, the same at another size.

    Returns:
        (S, S) float32 in 0..1.
    """
    guide, target = (_to_gray(picture) for picture in (small, large))
    level, share = _box_mean(guide), _box_mean(mask)
    slope = (_box_mean(guide * mask) - level * share) / (_box_mean(guide * guide) - level * level + NOISE_VARIANCE)
    lines = cv2.resize(_box_mean(np.dstack([slope, share - slope * level])), target.shape[::-1])
    return np.clip(lines[..., 0] * target + lines[..., 1], 0, 1)


def _to_gray(picture: Image) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255


def _box_mean(field: np.ndarray) -> np.ndarray:
    return cv2.blur(field, (2 * RADIUS + 1, 2 * RADIUS + 1))
