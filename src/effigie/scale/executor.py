"""One way to run work in parallel, so that another machine park can be put behind the same call."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker
from typing import Any, Protocol, TypeVar

from effigie.errors import EffigieError
from effigie.progress import Cancel

Work = TypeVar("Work")
Result = TypeVar("Result")

POLL_S = 0.1
KILLED = "a worker process was killed, perhaps for want of memory: use fewer with --workers 1"

_reports: Any = None
_cancelled: Any = None
_marks: Any = None


class Executor(Protocol):
    """Runs ``function`` over ``work``, in any order, and yields ``(work, result)`` as each is finished.

    A piece of work that kills its process is tried once more, alone; if it does so again, ``on_killed(piece)`` is its
    result, and without ``on_killed`` that ends the call with an EffigieError.
    """

    def run(
        self,
        function: Callable[[Work], Result],
        work: Iterable[Work],
        on_report: Callable[[Any], None],
        cancel: Cancel,
        on_killed: Callable[[Work], Result] | None = None,
    ) -> Iterator[tuple[Work, Result]]: ...


def available_cores() -> int:
    """Cores this process may use; fewer than the machine's under a container's or a scheduler's limit."""
    with contextlib.suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def report(value: Any) -> None:
    """From inside a worker: tell the caller something; it arrives at ``on_report``."""
    if _reports is not None:
        _reports.put(value)


def stop_requested() -> bool:
    """From inside a worker: whether the caller asked everybody to stop."""
    return _cancelled is not None and _cancelled.is_set()


class LocalProcesses:
    """Processes on this machine, each with its own networks.

    Args:
        workers: how many; all available cores by default.
        preload: modules to import once before the workers are forked off.
    """

    def __init__(self, workers: int | None = None, preload: Iterable[str] = ()) -> None:
        self.workers = workers or available_cores()
        self._preload = list(preload)

    def warm_up(self) -> None:
        """Begin importing what workers need, while the caller does something else."""
        with _uninterrupted(), _unnamed_main():
            self._context()

    def run(
        self,
        function: Callable[[Work], Result],
        work: Iterable[Work],
        on_report: Callable[[Any], None],
        cancel: Cancel,
        on_killed: Callable[[Work], Result] | None = None,
    ) -> Iterator[tuple[Work, Result]]:
        """Run ``function``, which must be importable, over picklable pieces of work.

        An exception in a worker is raised here; the rest is told to stop.

        Args:
            on_killed: see :class:`Executor`. What kills a worker is most often a want of memory, which a piece has more
                of when it is alone, or a decoder that a broken file makes crash.

        Raises:
            EffigieError: a worker was killed twice by one piece, and there is no ``on_killed``.
            Cancelled: ``cancel`` was set.
        """
        waiting = list(enumerate(work))
        while waiting:
            begun: set[int] = set()
            done: set[int] = set()
            try:
                for number, piece, result in self._pooled(function, waiting, on_report, cancel, begun):
                    done.add(number)
                    yield piece, result
                return
            except BrokenProcessPool as error:
                cancel.check()
                if not begun - done:  # nobody's fault: trying again would never end
                    raise EffigieError(KILLED) from error
            suspects = [(number, piece) for number, piece in waiting if number in begun - done]
            waiting = [(number, piece) for number, piece in waiting if number not in begun | done]
            for number, piece in suspects:
                try:
                    alone = self._pooled(function, [(number, piece)], on_report, cancel, set())
                    for _, _, result in alone:
                        yield piece, result
                except BrokenProcessPool as error:
                    cancel.check()
                    if on_killed is None:
                        raise EffigieError(KILLED) from error
                    yield piece, on_killed(piece)

    def _pooled(
        self,
        function: Callable[[Work], Result],
        pieces: list[tuple[int, Work]],
        on_report: Callable[[Any], None],
        cancel: Cancel,
        begun: set[int],
    ) -> Iterator[tuple[int, Work, Result]]:
        """Numbered pieces in processes of their own; once one of those was killed, ``begun`` holds what had begun.

        Raises:
            BrokenProcessPool: one was killed.
        """
        pool: ProcessPoolExecutor | None = None
        reports: Any = None
        cancelled: Any = None
        marks: Any = None
        try:
            with _uninterrupted(), _unnamed_main():
                context = self._context()
                reports, cancelled = context.Queue(), context.Event()
                marks = context.RawArray("b", len(pieces))
                pool = ProcessPoolExecutor(
                    min(self.workers, len(pieces)), context, _start, (reports, cancelled, marks)
                )
                pending = {
                    pool.submit(_marked, function, place, piece): (number, piece)
                    for place, (number, piece) in enumerate(pieces)
                }
            while pending:
                done, _ = wait(pending, timeout=POLL_S, return_when=FIRST_COMPLETED)
                _drain(reports, on_report)
                cancel.check()
                for future in sorted(done, key=_broken):  # what was finished in time is kept
                    number, piece = pending[future]
                    result = future.result()
                    del pending[future]
                    yield number, piece, result
        except BrokenProcessPool:
            begun.update(number for mark, (number, _) in zip(marks, pieces, strict=True) if mark)
            raise
        finally:
            if pool is not None:
                cancelled.set()
                pool.shutdown(wait=True, cancel_futures=True)
                reports.close()

    def _context(self) -> Any:
        # Forking a process that runs threads (progress display, networks) can deadlock: a fork server has none.
        if "forkserver" in multiprocessing.get_all_start_methods():
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(self._preload)
            _start_fork_server()
            return context
        return multiprocessing.get_context("spawn")


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put off Ctrl-C and a polite kill to the end: a process that is half started can neither work nor be stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's business
        return
    arrived: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: arrived.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for arrival in arrived:
            signal.raise_signal(arrival)


@contextlib.contextmanager
def _unnamed_main() -> Iterator[None]:
    """Processes begun in here do not run the caller's script again.

    Python does that so that they find functions defined in the script. Ours are importable, and a script that calls
    ``effigie.extract`` without ``if __name__ == "__main__":`` would begin anew in every worker.
    """
    main = sys.modules["__main__"]
    before = {name: getattr(main, name) for name in ("__spec__", "__file__") if hasattr(main, name)}
    try:
        for name in before:
            setattr(main, name, None)
        yield
    finally:
        for name, value in before.items():
            setattr(main, name, value)


def _start_fork_server() -> None:
    """A terminal's Ctrl-C reaches every process: one that is still importing would die of it, loudly.

    Children inherit the blocked signal; here it is only put off until the server has been started.
    """
    resource_tracker.ensure_running()  # it unblocks the signal itself, so it has to be there before
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _drain(reports: Any, on_report: Callable[[Any], None]) -> None:
    while True:
        try:
            on_report(reports.get_nowait())
        except queue.Empty:
            return


def _broken(future: Future[Any]) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)


def _marked(function: Callable[[Work], Result], place: int, piece: Work) -> Result:
    """In a worker: note in shared memory, which outlives the process, that a piece has begun."""
    _marks[place] = 1
    return function(piece)


def _start(reports: Any, cancelled: Any, marks: Any) -> None:
    """In every worker: Ctrl-C is the caller's business, and nobody outlives a caller that was killed."""
    global _reports, _cancelled, _marks
    _reports, _cancelled, _marks = reports, cancelled, marks
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
