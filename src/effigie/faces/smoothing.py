"""Temporal smoothing of landmarks that does not delay motion.

The window is symmetric in time, so steady motion is not delayed, and measurements that differ by much more than the
landmark network's own noise count little, so that a blink or a plosive keeps its full size.
"""

from __future__ import annotations

import numpy as np


def smooth_center(window: np.ndarray, sigma: float, noise: float) -> np.ndarray:
    """(N, D) the middle of (2k + 1, N, D) points in consecutive frames, smoothed over time.

    Args:
        sigma: standard deviation of the temporal weights, in frames.
        noise: displacement (same unit as the points) up to which a neighbour is thought to tremble, not to move.
    """
    half = len(window) // 2
    if half == 0:
        return window[0]
    offsets = np.arange(-half, half + 1)
    temporal = np.exp(-0.5 * (offsets / sigma) ** 2)
    moved = window[..., :2] - window[half, :, :2]
    weights = temporal[:, None] * np.exp(-0.5 * (moved**2).sum(-1) / noise**2)
    # Equal weights for the past and the future, else a moving point would be pulled to its slower side.
    weights = np.minimum(weights, weights[::-1])
    return np.einsum("tn,tnd->nd", weights / weights.sum(0), window)
