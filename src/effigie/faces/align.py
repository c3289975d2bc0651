"""Where the crop of a face lies: fixed to the skull, so that speech and blinks do not move it."""

from __future__ import annotations

import numpy as np

from effigie.faces.crop import Roi
from effigie.faces.mesh import Pose

SIDE_CM = 21.5  # the mesh is 17.7 cm high; the rest is room for an open jaw and a soft seam
CENTRE_CM = np.array([0.0, -1.0, 2.5])


def placement(pose: Pose) -> np.ndarray:
    """(4,) crop centre x, y in pixels, log of the side in pixels, rotation in radians."""
    center = pose.apply(CENTRE_CM[None])[0]
    r = pose.rotation
    angle = np.arctan2(r[1, 0] + r[0, 1], r[0, 0] - r[1, 1])
    return np.array([center[0], center[1], np.log(pose.scale * SIDE_CM), angle])


def roi_of(place: np.ndarray) -> Roi:
    """The crop square of a :func:`placement`."""
    return Roi(float(place[0]), float(place[1]), float(np.exp(place[2])), float(place[3]))


def crop_matrix(place: np.ndarray, size: int) -> np.ndarray:
    """(2, 3) float32 affine map from frame pixels to a ``size`` x ``size`` crop."""
    return roi_of(place).matrix(size)


def smooth_placement(window: np.ndarray, sigma: float, noise: float) -> np.ndarray:
    """The middle of (2k + 1, 4) placements, smoothed as :func:`effigie.faces.smoothing.smooth_center` does.

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
