"""Smoothing in time: landmarks and matrices (causal and zero-phase), statistics, and the made face itself.

Times are seconds (a ``Fraction`` or float), so variable frame rate needs no special case. Every filter
forgets what it knew on ``reset()``, which the caller owes it at a cut.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effigie.errors import UsageError

Time = Fraction | float
Values = NDArray[Any]


class OneEuroFilter:
    """The one-euro filter (Casiez, Roussel, Vogel 2012) over an array: rest is calm, motion does not lag.

    Args:
        min_cutoff: Hz, cutoff at rest; lower is calmer.
        beta: Hz per (unit/s), how fast the cutoff opens with speed; higher lags less.
        derivative_cutoff: Hz, cutoff of the speed estimate.
    """

    def __init__(self, min_cutoff: float = 1.0, beta: float = 0.02, derivative_cutoff: float = 1.0) -> None:
        if min_cutoff <= 0 or beta < 0 or derivative_cutoff <= 0:
            raise UsageError("one-euro filter: min_cutoff and derivative_cutoff must be > 0 Hz, beta >= 0")
        self.min_cutoff, self.beta, self.derivative_cutoff = min_cutoff, beta, derivative_cutoff
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next value passes unchanged."""
        self._time: float | None = None
        self._value: Values = np.empty(0)
        self._speed: Values = np.empty(0)

    def __call__(self, value: Values, time: Time) -> Values:
        """The filtered value. A time that does not advance, or another shape, counts as a new beginning."""
        value, now = np.asarray(value, np.float64), float(time)
        if self._time is None or now <= self._time or value.shape != self._value.shape:
            self._time, self._value, self._speed = now, value, np.zeros_like(value)
            return value
        elapsed = now - self._time
        speed = (value - self._value) / elapsed
        self._speed = self._speed + _low_pass_weight(self.derivative_cutoff, elapsed) * (speed - self._speed)
        cutoff = self.min_cutoff + self.beta * np.abs(self._speed)
        self._value = self._value + _low_pass_weight(cutoff, elapsed) * (value - self._value)
        self._time = now
        return self._value


def _low_pass_weight(cutoff: Any, elapsed: float) -> Any:
    """The weight of the newest sample for a low-pass of ``cutoff`` Hz after ``elapsed`` seconds."""
    turn = 2 * math.pi * cutoff * elapsed
    return turn / (turn + 1)


def smooth_series(
    times: Sequence[Time], values: Values, window: float, degree: int = 2, cuts: Sequence[int] = ()
) -> Values:
    """Zero-phase smoothing: a Gaussian-weighted local polynomial at every known time.

    ``degree`` 0 is a Gaussian average, 2 is Savitzky and Golay for uneven times: it keeps a turning point's
    height.

    Args:
        times: N seconds, rising.
        values: (N, ...) numbers, e.g. landmarks (N, 478, 3) or matrices (N, 2, 3).
        window: s, full width; the weight falls to 1 % at its ends.
        degree: 0, 1 or 2.
        cuts: indices at which a new shot begins; nothing is averaged across.

    Returns:
        (N, ...) float64.

    Raises:
        UsageError: window or degree out of range.
        ValueError: times do not rise or do not match the values.
    """
    seconds, values = np.array([float(t) for t in times]), np.asarray(values, np.float64)
    if degree not in (0, 1, 2) or window < 0:
        raise UsageError(f"smoothing takes degree 0, 1 or 2 and a window >= 0 s, got {degree} and {window}")
    if len(seconds) != len(values) or (np.diff(seconds) <= 0).any():
        raise ValueError(f"{len(seconds)} times, which must rise, for {len(values)} values")
    result = values.copy()
    edges = [0, *sorted({c for c in cuts if 0 < c < len(seconds)}), len(seconds)]
    for first, last in itertools.pairwise(edges):
        shot, known = seconds[first:last], values[first:last]
        for index, center in enumerate(shot):
            low, high = np.searchsorted(shot, (center - window / 2 - 1e-9, center + window / 2 + 1e-9))
            weights = compute_local_weights(shot[low:high] - center, window, degree)
            result[first + index] = np.tensordot(weights, known[low:high], 1)
    return result


def compute_local_weights(offsets: NDArray[np.float64], window: float, degree: int) -> NDArray[np.float64]:
    """Weights whose product with samples at ``offsets`` (s) is the fitted polynomial's value at 0."""
    if len(offsets) == 1 or window <= 0:
        return (offsets == 0).astype(np.float64)
    reach = offsets / (window / 2)
    weight = np.exp(math.log(0.01) * reach**2)
    # A polynomial needs more samples than it has coefficients, or it only repeats the noise.
    powers = np.vander(reach, min(degree, max(0, len(offsets) - 2)) + 1, increasing=True)
    return np.linalg.pinv(powers * np.sqrt(weight)[:, None])[0] * np.sqrt(weight)


class WindowedSmoother:
    """:func:`smooth_series` for a stream: a value comes out once half a window of future is known.

    Example::

        smoother = WindowedSmoother(window=0.3)
        for time, matrix in track:
            for when, smooth in smoother.push(time, matrix): ...
        for when, smooth in smoother.flush(): ...           # at a cut and at the end
    """

    def __init__(self, window: float = 0.3, degree: int = 2) -> None:
        if window <= 0 or degree not in (0, 1, 2):
            raise UsageError(
                f"smoothing takes degree 0, 1 or 2 and a window > 0 s, got {degree} and {window}"
            )
        self.window, self.degree = window, degree
        self.reset()

    def reset(self) -> None:
        """Drop everything, also what has not come out yet."""
        self._times: list[Time] = []
        self._values: list[Values] = []
        self._next = 0

    def push(self, time: Time, value: Values) -> list[tuple[Time, Values]]:
        """Take one value; returns those that are now final, oldest first."""
        if self._times and time <= self._times[-1]:
            raise ValueError(
                f"time {float(time):.4f} s does not follow {float(self._times[-1]):.4f} s; flush at a cut"
            )
        self._times.append(time)
        self._values.append(np.asarray(value, np.float64))
        final = []
        while float(time - self._times[self._next]) >= self.window / 2:
            final.append(self._smooth_sample(self._next))
            self._next += 1
        while self._next and float(self._times[self._next] - self._times[0]) > self.window / 2 + 1e-9:
            del self._times[0], self._values[0]
            self._next -= 1
        return final

    def flush(self) -> list[tuple[Time, Values]]:
        """The values that have not come out yet, smoothed with the past alone; then starts anew."""
        rest = [self._smooth_sample(index) for index in range(self._next, len(self._times))]
        self.reset()
        return rest

    def _smooth_sample(self, index: int) -> tuple[Time, Values]:
        offsets = np.array([float(t - self._times[index]) for t in self._times])
        near = np.abs(offsets) <= self.window / 2 + 1e-9
        weights = compute_local_weights(offsets[near], self.window, self.degree)
        return self._times[index], np.tensordot(weights, np.stack(self._values)[near], 1)


class ExponentialAverage:
    """An exponential average of an array with a time constant.

    Args:
        time_constant: s until 63 % of a step has come through; 0 switches the filter off.
    """

    STEP = 1 / 25  # s, assumed between values that carry no time

    def __init__(self, time_constant: float) -> None:
        if time_constant < 0:
            raise UsageError(f"a time constant is >= 0 s, got {time_constant}")
        self.time_constant = time_constant
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next value passes unchanged."""
        self._time: float | None = None
        self._value: Values | None = None

    def __call__(self, value: Values, time: Time | None = None, min_weight: float = 0.0) -> Values:
        """The average so far. ``min_weight`` in 0..1 is the least weight of the new value: 1 takes it whole."""
        known, now = self._value, None if time is None else float(time)
        elapsed = self.STEP if now is None or self._time is None else now - self._time
        if known is None or known.shape != value.shape or elapsed <= 0 or self.time_constant == 0:
            self._time, self._value = now, value
            return value
        share = max(1 - math.exp(-elapsed / self.time_constant), min(min_weight, 1.0))
        self._time, self._value = now, known + (value - known) * value.dtype.type(share)
        return self._value
