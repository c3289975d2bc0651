"""Dynamic time warping of two sequences of features (Sakoe and Chiba 1978), by diagonals."""

from __future__ import annotations

import numpy as np

# How far a step goes in the first and in the second sequence, and what it costs against a step of one by one.
STEPS = ((1, 1, 1.0), (1, 2, 1.0), (2, 1, 1.0), (0, 1, 1.15), (1, 0, 1.15))


def warp(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, float]:
    """The cheapest path from the first to the last frames of both.

    Args:
        first, second: (M, F) and (N, F) features.

    Returns: (K, 2) indices that never fall, and the mean cost of a step.
    """
    rows, columns = len(first), len(second)
    distance = np.sqrt(
        np.maximum(0, (first**2).sum(1)[:, None] + (second**2).sum(1)[None] - 2 * first @ second.T)
    ).astype(np.float32)
    # Diagonals i + j = k lie in rows of their own, by i: a step back is an earlier row, shifted.
    total = np.full((rows + columns - 1 + 3, rows + 2), np.inf, np.float32)
    came = np.zeros((rows + columns - 1, rows), np.int8)
    total[3, 2] = distance[0, 0]
    for k in range(1, rows + columns - 1):
        low, high = max(0, k - columns + 1), min(rows, k + 1)
        i = np.arange(low, high)
        local_cost = distance[i, k - i]
        best = np.full(len(i), np.inf, np.float32)
        choice = np.zeros(len(i), np.int8)
        for number, (down, right, weight) in enumerate(STEPS):
            candidate = total[3 + k - down - right, 2 + i - down] + weight * local_cost
            better = candidate < best
            best[better], choice[better] = candidate[better], number
        total[3 + k, 2 + i] = best
        came[k, i] = choice
    row, column = rows - 1, columns - 1
    path = [(row, column)]
    while row or column:
        down, right, _ = STEPS[came[row + column, row]]
        row, column = row - down, column - right
        path.append((row, column))
    cost = float(total[3 + rows + columns - 2, 2 + rows - 1]) / len(path)
    return np.array(path[::-1]), cost
