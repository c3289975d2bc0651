"""An executor on processes of this machine; a killed process costs only the piece that it worked on."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, Generic, TypeVar

from effigie.errors import EffigieError
from effigie.execution import worker
from effigie.execution.spawn import defer_signals, hide_main_module, start_fork_server
from effigie.execution.worker import WorkerLostError, available_cores
from effigie.progress import CancelToken

Work = TypeVar("Work")
Result = TypeVar("Result")

POLL_S = 0.1
GRACE_S = 15.0  # a worker that was asked to stop has so long; one that decodes a huge picture is ended


class ProcessExecutor:
    """Runs pieces of work in processes of this machine, each with its own networks and its share of the cores.

    Args:
        workers: how many; all available cores by default.
        preload: modules to import once before the workers are forked off.
    """

    def __init__(self, workers: int | None = None, preload: Iterable[str] = ()) -> None:
        self.workers = workers or available_cores()
        self._preload = list(preload)

    def warm_up(self) -> None:
        """Start importing what workers need, while the caller does something else."""
        with defer_signals(), hide_main_module():
            self._context()

    def close(self) -> None:
        """Nothing to do: nothing outlives a run."""

    def run(
        self,
        function: Callable[[Work], Result],
        work: Iterable[Work],
        on_report: Callable[[Any], None],
        cancel: CancelToken,
        on_killed: Callable[[Work], Result] | None = None,
    ) -> Iterator[tuple[Work, Result]]:
        """Run ``function``, which must be importable, over picklable pieces of work; see ``Executor``.

        Raises:
            WorkerLostError: a worker was killed twice by one piece and there is no ``on_killed``, or none can start.
            CancelledError: ``cancel`` was set.
        """
        pool = _WorkerPool(self._context, self.workers)
        queue = WorkQueue(work)
        try:
            while True:
                while len(pool.busy) < self.workers and queue.is_ready(len(pool.busy)):
                    pool.assign(function, queue.take())
                if not pool.busy:
                    return
                finished: list[tuple[Work, Result]] = []
                for piece, kind, value in pool.receive():
                    if kind == "report":
                        on_report(value)
                    elif kind == "error":
                        raise value
                    elif kind == "result":
                        finished.append((piece, value))
                    elif queue.retry(piece):
                        continue
                    elif on_killed is None:
                        raise WorkerLostError()
                    else:
                        finished.append((piece, on_killed(piece)))
                cancel.check()
                # Those who are done get new work before the caller looks at what they made.
                while len(pool.busy) < self.workers and queue.is_ready(len(pool.busy)):
                    pool.assign(function, queue.take())
                yield from finished
        finally:
            pool.shut_down()

    def _context(self) -> Any:
        # Forking a process that runs threads (progress display, networks) can deadlock: a fork server has none.
        if "forkserver" in multiprocessing.get_all_start_methods():
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(self._preload)
            start_fork_server()
            return context
        return multiprocessing.get_context("spawn")


class WorkQueue(Generic[Work]):
    """Queue of pieces in order; those that killed their worker are retried once at the end, each alone.

    Alone there is more memory, and nobody else's piece goes down with it.
    """

    def __init__(self, work: Iterable[Work]) -> None:
        self._pieces = iter(work)
        self._next: list[Work] = []
        self._suspects: deque[Work] = deque()
        self._last: list[Work] = []

    def is_ready(self, busy: int) -> bool:
        """Whether a piece may be started while ``busy`` others run."""
        if not self._next:
            self._next = list(itertools.islice(self._pieces, 1))
        return bool(self._next) or (bool(self._suspects) and busy == 0)

    def take(self) -> Work:
        """The next piece; only when :meth:`is_ready`."""
        if self._next:
            return self._next.pop()
        self._last = [self._suspects.popleft()]
        return self._last[0]

    def retry(self, piece: Work) -> bool:
        """Put back a piece that lost its worker; False if it was tried alone already."""
        if any(piece is suspect for suspect in self._last):
            return False
        self._suspects.append(piece)
        return True


class _Worker:
    """A worker process, the pipe to it, and the piece that it works on."""

    def __init__(self, process: Any, pipe: Connection) -> None:
        self.process, self.pipe = process, pipe
        self.piece: Any = None
        self.has_started = False


class _WorkerPool:
    """The workers of one run. Each has a pipe of its own: a killed one leaves no lock behind that others wait for."""

    def __init__(self, context: Callable[[], Any], size: int) -> None:
        self._context, self._size = context, size
        self._stop: tuple[Connection, Connection] | None = None
        self._idle: list[_Worker] = []
        self.busy: dict[Connection, _Worker] = {}

    def assign(self, function: Callable[[Any], Any], piece: Any) -> None:
        """Give a piece to an idle worker, or to a new one."""
        while True:
            one = self._idle.pop() if self._idle else self._start_worker()
            try:
                one.pipe.send((function, piece))
            except OSError:  # killed while it had nothing to do
                self._remove(one)
                continue
            one.piece = piece
            self.busy[one.pipe] = one
            return

    def receive(self) -> list[tuple[Any, str, Any]]:
        """Messages of busy workers: (piece, ``report``, ``result``, ``error`` or ``lost``, value); waits a moment."""
        heard = []
        for pipe in connection.wait(list(self.busy), POLL_S):
            assert isinstance(pipe, Connection)
            one = self.busy[pipe]
            try:
                kind, value = pipe.recv()
            except (EOFError, OSError):
                del self.busy[pipe]
                self._remove(one)
                if not one.has_started:  # nobody's piece is at fault: trying again would never end
                    raise WorkerLostError() from None
                kind, value = "lost", None
            if kind == "begun":
                one.has_started = True
                continue
            if kind in ("result", "error"):
                del self.busy[pipe]
                self._idle.append(one)
            heard.append((one.piece, kind, value))
        return heard

    def shut_down(self) -> None:
        """Ask all workers to stop, wait, and kill those that do not."""
        if self._stop is None:
            return
        self._stop[1].close()
        until = time.monotonic() + GRACE_S
        everybody = [*self._idle, *self.busy.values()]
        while self.busy and time.monotonic() < until:
            with contextlib.suppress(WorkerLostError):
                self.receive()  # of no use any more, but a full pipe would keep them from stopping
        for one in everybody:
            one.pipe.close()
        for one in everybody:
            one.process.join(max(0.0, until - time.monotonic()))
            if one.process.is_alive():
                one.process.kill()
                one.process.join()
            one.process.close()
        self._stop[0].close()
        self._idle, self.busy, self._stop = [], {}, None

    def _start_worker(self) -> _Worker:
        with defer_signals(), hide_main_module():
            context = self._context()
            if self._stop is None:
                self._stop = context.Pipe(duplex=False)
            ours, theirs = context.Pipe()
            cores = max(1, available_cores() // self._size)
            process = context.Process(
                target=_worker_main,
                args=(theirs, self._stop[0], worker.passed_environment(), str(Path.cwd()), cores),
                daemon=True,
            )
            process.start()
            theirs.close()  # so that its death ends the pipe
        return _Worker(process, ours)

    def _remove(self, one: _Worker) -> None:
        one.process.join(GRACE_S)
        one.pipe.close()


class _PipeConnection:
    """A worker's connection to its caller through a pipe."""

    def __init__(self, pipe: Connection, stop: Connection) -> None:
        self._pipe, self._stop = pipe, stop
        self._lock = threading.Lock()

    def report(self, value: Any) -> None:
        self.send("report", value)

    def send(self, kind: str, value: Any) -> None:
        with self._lock:
            self._pipe.send((kind, value))

    def stop_requested(self) -> bool:
        return self._stop.poll()  # nothing is ever sent: it was closed


def _worker_main(
    pipe: Connection, stop: Connection, environment: dict[str, str], folder: str, cores: int
) -> None:
    """Main function of a worker: runs piece after piece until the caller has no more."""
    # Ctrl-C is the caller's business, and nobody outlives a caller that was killed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()
    worker.apply_environment(environment)
    worker.limit_cores(cores)
    line = _PipeConnection(pipe, stop)
    worker.connect(line)
    # A caller that stops closes the pipe, whatever is on its way: nobody is left to be told.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        line.send("begun", None)
        with worker.working_folder(folder):
            _serve_pieces(pipe, line)


def _serve_pieces(pipe: Connection, line: _PipeConnection) -> None:
    while True:
        try:
            function, piece = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            line.send("result", function(piece))
        except BrokenPipeError:
            return
        except Exception as error:
            line.send("error", picklable_error(error))


def picklable_error(error: Exception) -> Exception:
    """The error with its traceback as a note; one that cannot be pickled becomes an EffigieError of its text."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))  # as the pipe will
    except Exception:
        return EffigieError(f"{type(error).__name__}: {error}")
    return error


def _exit_with_parent(parent: Any) -> None:
    parent.join()
    os._exit(1)
