"""State of a worker process: its connection to the caller, its share of the cores, its environment."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from effigie.errors import EffigieError
from effigie.progress import CancelToken

# Variables that say where home and cache are: workers may have been started before they changed.
PASSED_PREFIX = "EFFIGIE_"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")


class WorkerConnection(Protocol):
    """A worker's connection to its caller."""

    def report(self, value: Any) -> None: ...

    def stop_requested(self) -> bool: ...


_connection: WorkerConnection | None = None
_core_limit: int | None = None


def report(value: Any) -> None:
    """Send the caller a value from inside a worker; it arrives at ``on_report``."""
    if _connection is not None:
        _connection.report(value)


def stop_requested() -> bool:
    """Whether the caller asked all workers to stop."""
    return _connection is not None and _connection.stop_requested()


def available_cores() -> int:
    """Cores this process may use: fewer than the machine's under a scheduler's limit, or beside other workers."""
    cores = os.cpu_count() or 1
    with contextlib.suppress(AttributeError):
        cores = len(os.sched_getaffinity(0))
    return cores if _core_limit is None else min(cores, _core_limit)


def connect(connection: WorkerConnection | None) -> None:
    """Make this process a worker at the other end of ``connection``; None ends that."""
    global _connection
    _connection = connection


def limit_cores(cores: int) -> None:
    """Limit the threads of all libraries: several workers that each use the whole machine would wait for each other."""
    global _core_limit
    _core_limit = cores
    for name in THREAD_VARIABLES:  # for libraries that are not loaded yet
        os.environ[name] = str(cores)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(cores)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(cores)


def passed_environment() -> dict[str, str]:
    """The environment variables that every worker gets."""
    return {name: value for name, value in os.environ.items() if name.startswith(PASSED_PREFIX)}


def apply_environment(environment: dict[str, str]) -> None:
    """Replace the variables of :func:`passed_environment` by the caller's."""
    for name in passed_environment():
        del os.environ[name]
    os.environ.update(environment)


class WorkerCancelToken(CancelToken):
    """A :class:`~effigie.progress.CancelToken` inside a worker: set as soon as the caller asked all workers to stop."""

    @property
    def is_requested(self) -> bool:
        if stop_requested():
            self.set()
        return super().is_requested

    def check(self) -> None:
        _ = self.is_requested
        super().check()


class WorkerLostError(EffigieError):
    """Error of a worker process that was killed while it worked, mostly for want of memory."""

    def __str__(self) -> str:
        return "a worker process was killed, perhaps for want of memory: use fewer with --workers 1"


@contextlib.contextmanager
def working_folder(folder: str) -> Iterator[None]:
    """Change into the caller's folder meanwhile, if it exists, so that relative names mean the same."""
    original = Path.cwd()
    with contextlib.suppress(OSError):
        os.chdir(folder)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(original)
