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

_reports: Any = None
_cancelled: Any = None


class Executor(Protocol):
    """Runs ``function`` over ``work``, in any order, and yields ``(work, result)`` as each is finished."""

    def run(
        self,
        function: Callable[[Work], Result],
        work: Iterable[Work],
        on_report: Callable[[Any], None],
        cancel: Cancel,
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
    ) -> Iterator[tuple[Work, Result]]:
        """Run ``function``, which must be importable, over picklable pieces of work.

        An exception in a worker is raised here; the rest is told to stop.

        Raises:
            EffigieError: a worker was killed (out of memory, most often).
            Cancelled: ``cancel`` was set.
        """
        pieces = list(work)
        pool: ProcessPoolExecutor | None = None
        reports: Any = None
        cancelled: Any = None
        try:
            with _uninterrupted(), _unnamed_main():
                context = self._context()
                reports, cancelled = context.Queue(), context.Event()
                pool = ProcessPoolExecutor(
                    min(self.workers, max(len(pieces), 1)), context, _start, (reports, cancelled)
                )
                pending: dict[Future[Result], Work] = {
                    pool.submit(function, piece): piece for piece in pieces
                }
            while pending:
                done, _ = wait(pending, timeout=POLL_S, return_when=FIRST_COMPLETED)
                _drain(reports, on_report)
                cancel.check()
                for future in done:
                    yield pending.pop(future), future.result()
        except BrokenProcessPool as error:
            raise EffigieError(
                "a worker process was killed, perhaps for want of memory: use fewer with --workers 1"
            ) from error
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


def _start(reports: Any, cancelled: Any) -> None:
    """In every worker: Ctrl-C is the caller's business, and nobody outlives a caller that was killed."""
    global _reports, _cancelled
    _reports, _cancelled = reports, cancelled
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
