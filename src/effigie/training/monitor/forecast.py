"""Forecast of the time until the held-out error will have fallen by another percent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GAIN = 0.01
MIN_EVALUATIONS = 6
MAX_EVALUATIONS = 200
"""Evaluations looked at: thinned out beyond that, a fit takes a few milliseconds however long the run."""
FIT_START = 0.25
"""The fit looks back to this share of the time trained: further back another law held (a swap's curve is often flat
at first, falls, and flattens again)."""
EXPONENTS = (-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Of time, in ``a + b t^-c``: -1 is a straight line, 0 stands for the logarithm."""
DRAWS = 100
MAX_SPREAD = 4.0
"""How many times the early answer (16 % of the weight lies below it) the late one (84 %) may be for there to be one."""
RESIDUAL_FLOOR = 1e-5
"""Of residuals, relative to the error: written curves are rounded."""


@dataclass(frozen=True)
class Forecast:
    """Time until the next gain.

    Attributes:
        seconds: of training, from the last evaluation; None where that is not known, or none is in sight.
        is_expected: False where no such gain is to be expected within as much time as was trained already.
    """

    seconds: float | None = None
    is_expected: bool = True

    def __str__(self) -> str:
        if not self.is_expected:
            return "no more gain in sight"
        return "" if self.seconds is None else f"next 1 % in about {format_duration(self.seconds)}"


def forecast(seconds: Sequence[float], errors: Sequence[float], gain: float = GAIN) -> Forecast:
    """Fit ``a + b t^-c`` to the recent part of a held-out curve and look ahead.

    No exponent is chosen: each of :data:`EXPONENTS` counts by how well it fits, with what the noise leaves open of
    ``a`` and ``b``; the answer is the median over them all. Single evaluations far off are weighted down. It is silent
    (``seconds`` None) while there are fewer than :data:`MIN_EVALUATIONS` evaluations or the answers differ too much.

    Args:
        seconds: ``(N,)`` of training at each evaluation, rising.
        errors: ``(N,)`` held-out error, lower is better; those that are not finite are left out.
        gain: relative fall that is waited for.
    """
    points = np.array([(t, e) for t, e in zip(seconds, errors, strict=True) if t > 0 and math.isfinite(e)]).reshape(
        -1, 2
    )
    if len(points) < MIN_EVALUATIONS:
        return Forecast()
    times, values = points.T
    first = min(int(np.searchsorted(times, FIT_START * times[-1])), len(times) - MIN_EVALUATIONS)
    if len(times) - first > MAX_EVALUATIONS:
        indices = np.unique(np.linspace(first, len(times) - 1, MAX_EVALUATIONS).round().astype(int))
    else:
        indices = np.arange(first, len(times))
    # Seconds as a share of those trained, errors as a share of their mean: nothing below has a unit.
    unit, level = float(times[-1]), float(np.abs(values[indices]).mean())
    if level == 0 or np.ptp(values[indices]) == 0:
        return Forecast(is_expected=False)
    early, median, late = _weighted_quantiles(
        *_sample_waits(times[indices] / unit, values[indices] / level, gain), (0.16, 0.5, 0.84)
    )
    # Further ahead than the run is long no fit is worth believing.
    if early > 1:
        return Forecast(is_expected=False)
    if median > 1 or late > MAX_SPREAD * early:
        return Forecast()
    return Forecast(float(median) * unit)


def format_duration(seconds: float) -> str:
    """A duration in words, rounded as befits an estimate: ``40 s``, ``4 min``, ``3 h``."""
    for unit, name in ((1.0, "s"), (60.0, "min"), (3600.0, "h")):
        count = seconds / unit
        if count < 90 or name == "h":
            return f"{float(f'{count:.1g}') if count < 10 else 5 * round(count / 5):g} {name}"
    raise AssertionError


def _sample_waits(times: np.ndarray, values: np.ndarray, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Sampled times from 1 on until the gain, one a draw, and their weights, ``(len(EXPONENTS) * DRAWS,)`` each."""
    random = np.random.default_rng(0).standard_normal((2, DRAWS))
    waits, evidence = [], []
    for exponent in EXPONENTS:
        falling = _power_law(times, exponent)
        design = np.stack([np.ones_like(falling), falling], axis=1)
        coefficients, spread, residual = _robust_line(design, values)
        samples = coefficients[:, None] + spread @ random
        waits.append(_time_to_gain(samples, exponent, gain))
        evidence.append(np.full(DRAWS, -(len(times) - 2) * math.log(residual)))
    weights = np.concatenate(evidence)
    return np.concatenate(waits), np.exp(weights - weights.max())


def _power_law(times: np.ndarray, exponent: float) -> np.ndarray:
    """``t^-c`` with a sign such that it falls over time; ``-log t`` where c is 0."""
    return -np.log(times) if exponent == 0 else math.copysign(1, exponent) * times**-exponent


def _robust_line(design: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients ``(2,)`` by Huber's weights, a root ``(2, 2)`` of their covariance, and the residuals' scale."""
    weights = np.ones(len(values))
    for _ in range(5):
        root = np.sqrt(weights)
        coefficients, *_ = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)
        residuals = np.abs(values - design @ coefficients)
        limit = 1.5 * max(1.4826 * float(np.median(residuals)), RESIDUAL_FLOOR)
        weights = np.minimum(1, limit / np.maximum(residuals, 1e-12))
    scale = max(math.sqrt(float((weights * residuals**2).sum()) / max(weights.sum() - 2, 1)), RESIDUAL_FLOOR)
    normal = (design * weights[:, None]).T @ design
    return coefficients, scale * np.linalg.cholesky(np.linalg.pinv(normal) + 1e-18 * np.eye(2)), scale


def _time_to_gain(coefficients: np.ndarray, exponent: float, gain: float) -> np.ndarray:
    """Of (2, N) coefficients, how long after time 1 the value is lower by ``gain``; infinite where it never is."""
    start, slope = coefficients
    now = _power_law(np.ones(()), exponent)
    with np.errstate(all="ignore"):
        target = now - gain * (start + slope * now) / slope
        if exponent == 0:
            time = np.exp(-target)
        else:
            power = math.copysign(1, exponent) * target
            time = np.where(power > 0, power, np.nan) ** (-1 / exponent)
    return np.where((slope > 0) & np.isfinite(time), time - 1, np.inf)


def _weighted_quantiles(values: np.ndarray, weights: np.ndarray, shares: Sequence[float]) -> list[float]:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    return [float(values[order][np.searchsorted(cumulative, share * cumulative[-1])]) for share in shares]
