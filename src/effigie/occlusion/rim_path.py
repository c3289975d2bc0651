"""Strongest paths through a picture of line strengths, by dynamic programming: a rim is one, and a bar or a temple."""

from __future__ import annotations

import numpy as np

MAX_STEP = 2  # rows (or radii) that a path may move from one column (or angle) to the next
NOWHERE = -1e9


def find_closed_paths(strengths: np.ndarray, step_cost: float) -> np.ndarray:
    """The strongest closed path through each of B polar pictures.

    Args:
        strengths: (B, N, R), strength at N angles, evenly around, and R radii.
        step_cost: taken off for each radius that a path moves from one angle to the next, in units of strength.

    Returns:
        (B, N) indices of radii.
    """
    count, angles, radii = strengths.shape
    half = angles // 2
    free = _trace(*_accumulate(strengths, strengths[:, 0], step_cost))
    # Begun again half way round, at the radius found there, and led back to it: the second half ends where it began.
    turned = np.roll(strengths, -half, axis=1)
    fixed = free[:, half]
    rows = np.arange(radii)
    begin = np.where(rows == fixed[:, None], turned[:, 0], NOWHERE)
    cost, back = _accumulate(turned, begin, step_cost)
    cost = np.where(np.abs(rows - fixed[:, None]) <= MAX_STEP, cost, NOWHERE)
    return np.asarray(np.roll(_trace(cost, back), half, axis=1)).reshape(count, angles)


def find_path(strengths: np.ndarray, step_cost: float) -> np.ndarray:
    """(N,) rows of the strongest path through (N, R) strengths, from the first to the last of N columns."""
    return _trace(*_accumulate(strengths[None], strengths[None, 0], step_cost))[0]


def _accumulate(strengths: np.ndarray, begin: np.ndarray, step_cost: float) -> tuple[np.ndarray, np.ndarray]:
    """(B, R) strength of the best path to each radius of the last angle, and (B, N, R) int8 steps back."""
    count, angles, radii = strengths.shape
    shifts = np.arange(-MAX_STEP, MAX_STEP + 1)
    penalty = (step_cost * np.abs(shifts))[:, None, None]
    cost = begin.astype(np.float64)
    back = np.zeros((count, angles, radii), np.int8)
    padded = np.full((count, radii + 2 * MAX_STEP), NOWHERE)
    for angle in range(1, angles):
        padded[:, MAX_STEP:-MAX_STEP] = cost
        candidates = np.stack([padded[:, shift : shift + radii] for shift in range(2 * MAX_STEP + 1)]) - penalty
        best = candidates.argmax(0)
        back[:, angle] = shifts[best]
        cost = candidates.max(0) + strengths[:, angle]
    return cost, back


def _trace(cost: np.ndarray, back: np.ndarray) -> np.ndarray:
    """(B, N) radii of the best paths."""
    count, angles, _ = back.shape
    rows, path = np.arange(count), np.zeros((count, angles), np.intp)
    path[:, -1] = cost.argmax(1)
    for angle in range(angles - 1, 0, -1):
        path[:, angle - 1] = path[:, angle] + back[rows, angle, path[:, angle]]
    return path
