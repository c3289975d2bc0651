"""Training time, and triggers that fire at intervals of seconds or steps."""

from __future__ import annotations

from time import monotonic


class Stopwatch:
    """Seconds of training in this call (``call_s``), and together with earlier calls (``total_s``)."""

    def __init__(self) -> None:
        self.earlier_s = 0.0
        self._start = monotonic()

    @property
    def call_s(self) -> float:
        return monotonic() - self._start

    @property
    def total_s(self) -> float:
        return self.earlier_s + self.call_s


class IntervalTrigger:
    """Called with a step: True once every ``seconds``, or every ``steps`` steps where those are given."""

    def __init__(self, seconds: float, steps: int | None = None) -> None:
        self._seconds, self._steps = seconds, steps
        self._last = monotonic()

    def __call__(self, step: int) -> bool:
        if self._steps is not None:
            return step % self._steps == 0
        due = monotonic() - self._last >= self._seconds
        if due:
            self._last = monotonic()
        return due
