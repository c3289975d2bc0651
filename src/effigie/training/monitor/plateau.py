"""Plateau detection: whether the held-out error has stopped improving."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

WINDOW = 5
TOLERANCE = 0.01


@dataclass(frozen=True)
class Plateau:
    """Whether a held-out curve still improves."""

    improving: bool
    since: int | None
    """Step at which the error had all but reached its best, when it no longer improves."""

    def __str__(self) -> str:
        return "still improving" if self.improving else f"stopped improving at step {self.since}"


def default_window(count: int) -> int:
    """How many of ``count`` evaluations must bring an improvement; with no more than that it is too early to tell."""
    return max(WINDOW, count // 4)


def detect_plateau(
    steps: Sequence[int], errors: Sequence[float], window: int | None = None, tolerance: float = TOLERANCE
) -> Plateau:
    """Compare the best of the last ``window`` evaluations with the best of all before.

    A median of three removes single lucky or unlucky evaluations first, so that one low outlier does not hide
    a slow improvement behind it. Evaluations that are not finite are left out.

    Args:
        steps: ``(N,)`` step of each evaluation, rising.
        errors: ``(N,)`` held-out error of each, lower is better.
        window: evaluations that must bring an improvement; None takes the last quarter, at least 5: a long
            run is judged over a longer stretch, as progress slows and noise does not.
        tolerance: relative improvement that counts.
    """
    finite = [(step, error) for step, error in zip(steps, errors, strict=True) if math.isfinite(error)]
    window = window or default_window(len(finite))
    if len(finite) <= window:
        return Plateau(True, None)
    values = [error for _, error in finite]
    smooth = [
        statistics.median(values[i - 1 : i + 2]) if 0 < i < len(values) - 1 else values[i]
        for i in range(len(values))
    ]
    before, recent = min(smooth[:-window]), min(smooth[-window:])
    if recent < before - tolerance * abs(before):
        return Plateau(True, None)
    best = min(before, recent)
    arrived = next(i for i, value in enumerate(smooth) if value <= best + tolerance * abs(best))
    return Plateau(False, finite[arrived][0])
