"""Sharpness: variance of the Laplacian inside the mask, output over input.

Unit: a ratio, 0 upwards; 1 is as sharp as the footage, a blur of two pixels is about 0.1.

What fools it: noise, ringing, blocks and a hard seam all count as sharpness, hence the mask is eroded, and
a ratio far above 1 is no compliment. A re-encoded copy of the input itself is a little below 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.arrays import Image
from effigie.faces.crop import sharpness


@dataclass(frozen=True)
class SharpnessScores:
    """Sharpness of a clip's face."""

    ratio: float  # all frames' variance of the Laplacian in the output over that in the input
    ratio_10: float  # what 90 % of the frames reach
    frames: int


def laplacian_variance(image: Image, inside: np.ndarray) -> float:
    """Variance of the Laplacian, grey levels squared, of (H, W, 3) uint8 RGB where (H, W) bool is True."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return 0.0
    # The operator looks one pixel around; a margin of two keeps the border's reflection out.
    top, left = max(rows[0] - 2, 0), max(columns[0] - 2, 0)
    box = (slice(top, rows[-1] + 3), slice(left, columns[-1] + 3))
    return sharpness(np.ascontiguousarray(image[box]), inside[box])


def compare_sharpness(variances: np.ndarray) -> SharpnessScores:
    """Sum up (N, 2) variances, output and input, of frames whose input has any detail."""
    if not len(variances) or not variances[:, 1].sum() > 0:
        return SharpnessScores(float("nan"), float("nan"), 0)
    ratios = variances[:, 0] / np.maximum(variances[:, 1], 1e-6)
    return SharpnessScores(
        ratio=float(variances[:, 0].sum() / variances[:, 1].sum()),
        ratio_10=float(np.percentile(ratios, 10)),
        frames=len(variances),
    )
