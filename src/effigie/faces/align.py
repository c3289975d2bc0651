"""Placement of a face's crop: fixed to the skull, so that speech and blinks do not move it."""

from __future__ import annotations

import numpy as np

from effigie.faces.crop import Roi
from effigie.faces.mesh import Pose

CROP_SIDE_CM = 21.5  # the mesh is 17.7 cm high; the rest is room for an open jaw and a soft seam
CROP_CENTER_CM = np.array([0.0, -1.0, 2.5])


def compute_placement(pose: Pose) -> np.ndarray:
    """Placement (4,) of a face's crop: centre x, y in pixels, log of the side in pixels, rotation in radians."""
    center = pose.apply(CROP_CENTER_CM[None])[0]
    r = pose.rotation
    angle = np.arctan2(r[1, 0] + r[0, 1], r[0, 0] - r[1, 1])
    return np.array([center[0], center[1], np.log(pose.scale * CROP_SIDE_CM), angle])


def crop_matrix(placement: np.ndarray, size: int) -> np.ndarray:
    """(2, 3) float32 affine map from frame pixels to the ``size`` x ``size`` crop of a :func:`compute_placement`."""
    x, y, side, angle = placement[0], placement[1], np.exp(placement[2]), placement[3]
    return Roi(float(x), float(y), float(side), float(angle)).matrix(size)


def smooth_placement(window: np.ndarray, sigma: float, noise: float) -> np.ndarray:
    """The middle of (2k + 1, 4) placements, smoothed as by :func:`effigie.faces.smoothing.smooth_center` does.

    Args:
        noise: pixels of the crop's centre below which motion is thought to be tremble.
    """
    half = len(window) // 2
    offsets = np.arange(-half, half + 1)
    side = np.exp(window[half, 2])
    moved = window - window[half]
    moved[:, 3] = (moved[:, 3] + np.pi) % (2 * np.pi) - np.pi
    # Scale and rotation move the crop's border by half its side; compare all three in pixels.
    distance = (moved[:, :2] ** 2).sum(1) + (side / 2) ** 2 * (moved[:, 2] ** 2 + moved[:, 3] ** 2)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2 - 0.5 * distance / noise**2)
    weights = np.minimum(weights, weights[::-1])
    return window[half] + (weights[:, None] * moved).sum(0) / weights.sum()
