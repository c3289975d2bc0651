"""The interface of executors, which run a function over many pieces of work, and the choice of one by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from effigie.errors import UsageError
from effigie.execution import worker
from effigie.execution.processes import ProcessExecutor
from effigie.progress import CancelToken

Work = TypeVar("Work")
Result = TypeVar("Result")


class Executor(Protocol):
    """Runs ``function`` over ``work``, in any order, and yields ``(work, result)`` as each is finished.

    ``work`` is drawn as workers become free, never far ahead, so that it may be endless; memory does not grow with it.
    What a worker says with :func:`effigie.execution.report` arrives at ``on_report``. An exception in ``function`` is
    raised here, and the rest told to stop. A piece that kills its worker is tried once more, alone, after all others;
    if it does so again, ``on_killed(piece)`` is its result, or ``WorkerLostError`` is raised.
    """

    @property
    def workers(self) -> int:
        """Number of pieces that are worked on at a time."""
        ...

    def warm_up(self) -> None:
        """Start what takes a while in the background."""
        ...

    def close(self) -> None:
        """Release what outlives a run."""
        ...

    def run(
        self,
        function: Callable[[Work], Result],
        work: Iterable[Work],
        on_report: Callable[[Any], None],
        cancel: CancelToken,
        on_killed: Callable[[Work], Result] | None = None,
    ) -> Iterator[tuple[Work, Result]]: ...


class InlineExecutor:
    """Runs one piece after another in this process: for what must not leave it, such as files in its memory."""

    workers = 1

    def warm_up(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def run(
        self,
        function: Callable[[Work], Result],
        work: Iterable[Work],
        on_report: Callable[[Any], None],
        cancel: CancelToken,
        on_killed: Callable[[Work], Result] | None = None,
    ) -> Iterator[tuple[Work, Result]]:
        """As :class:`Executor`; nobody can be killed without the caller."""
        for piece in work:
            cancel.check()
            worker.connect(_InlineConnection(on_report, cancel))
            try:
                result = function(piece)
            finally:
                worker.connect(None)
            yield piece, result


class _InlineConnection:
    def __init__(self, on_report: Callable[[Any], None], cancel: CancelToken) -> None:
        self._on_report, self._cancel = on_report, cancel

    def report(self, value: Any) -> None:
        self._on_report(value)

    def stop_requested(self) -> bool:
        return self._cancel.is_requested


def create_executor(
    engine: str = "local", workers: int | None = None, preload: Iterable[str] = ()
) -> Executor:
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
        return ProcessExecutor(workers, preload)
    if engine == "inline":
        return InlineExecutor()
    if engine == "ray" or (engine.startswith("ray://") and len(engine) > len("ray://")):
        from effigie.execution.ray import RayExecutor

        return RayExecutor(None if engine == "ray" else engine, workers)
    raise UsageError(f"no engine is called {engine!r}: choose local, ray or ray://ADDRESS")
