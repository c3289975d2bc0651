"""How long training has lasted, and what is due."""

from __future__ import annotations

from time import monotonic


class Clock:
    """Seconds of this call (``here``), and with those of earlier calls (``total``)."""

    def __init__(self) -> None:
        self.earlier = 0.0
        self._begun = monotonic()

    @property
    def here(self) -> float:
        return monotonic() - self._begun

    @property
    def total(self) -> float:
        return self.earlier + self.here


class Due:
    """True once every so many seconds, or every so many steps if those are given."""

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
