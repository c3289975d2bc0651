"""Executors, which run a function over many pieces of work: the interface, the loop, and the choice of one by name."""

from __future__ import annotations

import abc
import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from effigie.errors import UsageError
from effigie.execution import worker
from effigie.execution.worker import WorkerLostError
from effigie.progress import CancelToken

Work = TypeVar("Work")
Result = TypeVar("Result")
Function = Callable[[Any], Any]
Reporter = Callable[[Any], None]


class WorkerPool(Protocol):
    """The workers of one run, with at most ``capacity`` pieces in flight.

    ``receive`` waits a moment, passes reports on, and returns what has ended: (piece, kind, value), where kind is
    ``result``, ``error`` or ``lost``. ``close`` asks all workers to stop, waits, and ends those that do not.
    """

    capacity: int

    def in_flight(self) -> int: ...

    def submit(self, piece: Any) -> None: ...

    def receive(self) -> list[tuple[Any, str, Any]]: ...

    def close(self) -> None: ...


class Executor(abc.ABC):
    """Runs a function over pieces of work, several at a time."""

    @property
    @abc.abstractmethod
    def workers(self) -> int:
        """Number of pieces that are worked on at a time."""

    def warm_up(self) -> None:  # noqa: B027
        """Start what takes a while in the background, if anything does."""

    def close(self) -> None:  # noqa: B027
        """Release what outlives a run, if anything does."""

    def run(
        self,
        function: Callable[[Work], Result],
        work: Iterable[Work],
        on_report: Reporter,
        cancel: CancelToken,
        on_killed: Callable[[Work], Result] | None = None,
    ) -> Iterator[tuple[Work, Result]]:
        """Run ``function`` over ``work``, in any order, and yield ``(work, result)`` as each is finished.

        ``work`` is drawn as workers become free, never far ahead, so that it may be endless; memory does not grow with
        it. Function and work must be importable and picklable. What a worker says with
        :func:`effigie.execution.report` arrives at ``on_report``. An exception in ``function`` is raised here, and the
        rest told to stop. A piece that kills its worker is tried once more, alone, after all others; if it does so
        again, ``on_killed(piece)`` is its result.

        Raises:
            WorkerLostError: a worker was killed twice by one piece and there is no ``on_killed``, or none can start.
            CancelledError: ``cancel`` was set.
        """
        queue = _WorkQueue(work)
        finished: list[tuple[Work, Result]] = []
        with contextlib.closing(self._open_pool(function, on_report, cancel)) as pool:
            while True:
                # Those who are done get new work before the caller looks at what they made.
                while pool.in_flight() < pool.capacity and (piece := queue.take(pool.in_flight())):
                    pool.submit(*piece)
                yield from finished
                if not pool.in_flight():
                    return
                finished = []
                for piece, kind, value in pool.receive():
                    if kind == "error":
                        raise value
                    if kind == "result":
                        finished.append((piece, value))
                    elif not queue.retry(piece):
                        if on_killed is None:
                            raise WorkerLostError()
                        finished.append((piece, on_killed(piece)))
                cancel.check()

    @abc.abstractmethod
    def _open_pool(self, function: Function, on_report: Reporter, cancel: CancelToken) -> WorkerPool: ...


class _WorkQueue(Generic[Work]):
    """Queue of pieces in order; those that killed their worker are retried once at the end, each alone.

    Alone there is more memory, and nobody else's piece goes down with it.
    """

    def __init__(self, work: Iterable[Work]) -> None:
        self._pieces = iter(work)
        self._suspects: deque[Work] = deque()
        self._quarantine: list[Work] = []

    def take(self, in_flight: int) -> list[Work]:
        """The next piece, if one may be started while so many others run."""
        if fresh := list(itertools.islice(self._pieces, 1)):
            return fresh
        if in_flight or not self._suspects:
            return []
        self._quarantine = [self._suspects.popleft()]
        return self._quarantine

    def retry(self, piece: Work) -> bool:
        """Put back a piece that lost its worker; False if it was tried alone already."""
        if any(piece is suspect for suspect in self._quarantine):
            return False
        self._suspects.append(piece)
        return True


class InlineExecutor(Executor):
    """Runs one piece after another in this process: for what must not leave it, such as files in its memory."""

    workers = 1

    def _open_pool(self, function: Function, on_report: Reporter, cancel: CancelToken) -> WorkerPool:
        return _InlinePool(function, on_report, cancel)


class _InlinePool:
    capacity = 1

    def __init__(self, function: Function, on_report: Reporter, cancel: CancelToken) -> None:
        self._function, self._cancel = function, cancel
        self.report = on_report
        self._pieces: list[Any] = []

    def in_flight(self) -> int:
        return len(self._pieces)

    def submit(self, piece: Any) -> None:
        self._pieces.append(piece)

    def receive(self) -> list[tuple[Any, str, Any]]:
        self._cancel.check()
        piece = self._pieces.pop()
        worker.connect(self)
        try:
            return [(piece, "result", self._function(piece))]
        finally:
            worker.connect(None)

    def stop_requested(self) -> bool:
        return self._cancel.is_requested

    def close(self) -> None:
        pass


def create_executor(engine: str = "local", workers: int | None = None, preload: Iterable[str] = ()) -> Executor:
    """Create the executor of an engine's name.

    Args:
        engine: ``local`` for processes on this machine; ``ray`` for Ray started here, for this call alone;
            ``ray://host:port`` or ``ray://auto`` for a Ray cluster that is there already; ``inline`` for none.
        workers: pieces at a time; all cores, of the cluster too, by default.
        preload: modules that workers need.

    Raises:
        UsageError: no such engine, or Ray is not installed.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"workers must be 1 or more, not {workers}")
    if engine == "local":
        from effigie.execution.processes import ProcessExecutor

        return ProcessExecutor(workers, preload)
    if engine == "inline":
        return InlineExecutor()
    if engine == "ray" or (engine.startswith("ray://") and len(engine) > len("ray://")):
        from effigie.execution.ray import RayExecutor

        return RayExecutor(None if engine == "ray" else engine, workers)
    raise UsageError(f"no engine is called {engine!r}: choose local, ray or ray://ADDRESS")
