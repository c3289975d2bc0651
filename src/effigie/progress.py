"""Progress reports and cancellation of long calls.

Every long function takes ``progress`` (called often, from the calling thread) and ``cancel`` (set from any thread).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from effigie.errors import CancelledError


@dataclass(frozen=True)
class Progress:
    """One report: ``done`` of ``total`` (None while unknown) ``unit`` in ``stage``."""

    stage: str
    done: float
    total: float | None = None
    unit: str = "frames"
    note: str = ""


def format_count(number: int, thing: str) -> str:
    """``1 clip``, ``2 clips``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


ProgressCallback = Callable[[Progress], None]


def ignore_progress(report: Progress) -> None:
    """Progress callback that does nothing."""


@dataclass
class CancelToken:
    """A thread-safe flag that asks a long call to stop at its next safe place.

    Example::

        cancel = CancelToken()
        threading.Timer(60, cancel.set).start()
        effigie.extract([clip], output, cancel=cancel)   # raises CancelledError after a minute
    """

    _event: threading.Event = field(default_factory=threading.Event)

    def set(self) -> None:
        self._event.set()

    @property
    def is_requested(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise :class:`CancelledError` if cancellation was requested."""
        if self._event.is_set():
            raise CancelledError("stopped on request; what was finished is kept, run the same command to continue")
