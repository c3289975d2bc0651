"""What a piece of work may ask and tell while it runs: who stops it, who hears it, its share of the cores."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from effigie.errors import EffigieError
from effigie.progress import Cancel

PASSED_ON = "EFFIGIE_"  # variables that say where home and cache are: workers may have been started before they changed
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")


class Line(Protocol):
    """What connects a worker with its caller."""

    def report(self, value: Any) -> None: ...

    def stop_requested(self) -> bool: ...


_line: Line | None = None
_share: int | None = None


def report(value: Any) -> None:
    """From inside a worker: tell the caller something; it arrives at ``on_report``."""
    if _line is not None:
        _line.report(value)


def stop_requested() -> bool:
    """From inside a worker: whether the caller asked everybody to stop."""
    return _line is not None and _line.stop_requested()


def available_cores() -> int:
    """Cores this process may use: fewer than the machine's under a scheduler's limit, or beside other workers."""
    cores = os.cpu_count() or 1
    with contextlib.suppress(AttributeError):
        cores = len(os.sched_getaffinity(0))
    return cores if _share is None else min(cores, _share)


def connect(line: Line | None) -> None:
    """From here on this process is a worker at the other end of ``line``; None: it is none any more."""
    global _line
    _line = line


def share_cores(cores: int | None) -> None:
    """Take only so many: several workers that each use the whole machine would wait for each other."""
    global _share
    _share = cores
    if cores is None:
        return
    for name in THREADS:  # for libraries that are not loaded yet
        os.environ[name] = str(cores)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(cores)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(cores)


def passed_on() -> dict[str, str]:
    """The variables that every worker is given."""
    return {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}


def take_over(environment: dict[str, str]) -> None:
    """Have the caller's variables, and those alone."""
    for name in passed_on():
        del os.environ[name]
    os.environ.update(environment)


class Overheard(Cancel):
    """A :class:`~effigie.progress.Cancel` inside a worker: set as soon as the caller asked everybody to stop."""

    @property
    def requested(self) -> bool:
        if stop_requested():
            self.set()
        return super().requested

    def check(self) -> None:
        _ = self.requested
        super().check()


class Lost(EffigieError):
    """A piece of work took its worker with it: the process was killed, for want of memory most often."""

    def __init__(
        self,
        message: str = "a worker process was killed, perhaps for want of memory: use fewer with --workers 1",
    ) -> None:
        super().__init__(message)


@contextlib.contextmanager
def in_folder(folder: str) -> Iterator[None]:
    """Work in the caller's folder, so that relative names mean the same; where it is not there, stay."""
    before = Path.cwd()
    with contextlib.suppress(OSError):
        os.chdir(folder)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(before)
