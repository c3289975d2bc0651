"""An executor on processes of this machine; a killed process costs only the piece that it worked on."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from effigie.errors import EffigieError
from effigie.execution import worker
from effigie.execution.executor import Executor, Function, Reporter, WorkerPool
from effigie.execution.spawn import defer_signals, hide_main_module, start_fork_server
from effigie.execution.worker import WorkerLostError, available_cores
from effigie.progress import CancelToken

POLL_S = 0.1
GRACE_S = 15.0  # a worker that was asked to stop has so long; one that decodes a huge picture is ended


class ProcessExecutor(Executor):
    """Runs pieces of work in processes of this machine, each with its own networks and its share of the cores.

    Args:
        workers: how many; all available cores by default.
        preload: modules to import once before the workers are forked off.
    """

    def __init__(self, workers: int | None = None, preload: Iterable[str] = ()) -> None:
        self._workers = workers or available_cores()
        self._preload = list(preload)

    @property
    def workers(self) -> int:
        return self._workers

    def warm_up(self) -> None:
        """Start importing what workers need, while the caller does something else."""
        with defer_signals(), hide_main_module():
            self._context()

    def _open_pool(self, function: Function, on_report: Reporter, cancel: CancelToken) -> WorkerPool:
        return _ProcessPool(self._context, self._workers, function, on_report)

    def _context(self) -> Any:
        # Forking a process that runs threads (progress display, networks) can deadlock: a fork server has none.
        if "forkserver" in multiprocessing.get_all_start_methods():
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(self._preload)
            start_fork_server()
            return context
        return multiprocessing.get_context("spawn")


@dataclass(eq=False)
class _Worker:
    """A worker process, the pipe to it, and the piece that it works on."""

    process: Any
    pipe: Connection
    piece: Any = None
    has_started: bool = False


class _ProcessPool:
    """The workers of one run. Each has a pipe of its own: a killed one leaves no lock behind that others wait for."""

    def __init__(self, context: Callable[[], Any], size: int, function: Function, on_report: Reporter) -> None:
        self._context, self.capacity = context, size
        self._function, self._on_report = function, on_report
        self._stop: tuple[Connection, Connection] | None = None
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, _Worker] = {}

    def in_flight(self) -> int:
        return len(self._busy)

    def submit(self, piece: Any) -> None:
        while True:
            one = self._idle.pop() if self._idle else self._start_worker()
            try:
                one.pipe.send((self._function, piece))
                break
            except OSError:  # killed while it had nothing to do
                self._remove(one)
        one.piece, self._busy[one.pipe] = piece, one

    def receive(self) -> list[tuple[Any, str, Any]]:
        outcomes = []
        for pipe in connection.wait(list(self._busy), POLL_S):
            assert isinstance(pipe, Connection)
            one = self._busy[pipe]
            try:
                kind, value = pipe.recv()
            except (EOFError, OSError):
                del self._busy[pipe]
                self._remove(one)
                if not one.has_started:  # nobody's piece is at fault: trying again would never end
                    raise WorkerLostError() from None
                kind, value = "lost", None
            if kind == "begun":
                one.has_started = True
            elif kind == "report":
                self._on_report(value)
            else:
                if kind != "lost":
                    self._idle.append(self._busy.pop(pipe))
                outcomes.append((one.piece, kind, value))
        return outcomes

    def close(self) -> None:
        if self._stop is None:
            return
        self._on_report = lambda _: None
        self._stop[1].close()
        deadline = time.monotonic() + GRACE_S
        everybody = [*self._idle, *self._busy.values()]
        while self._busy and time.monotonic() < deadline:
            with contextlib.suppress(WorkerLostError):
                self.receive()  # of no use any more, but a full pipe would keep them from stopping
        for one in everybody:
            one.pipe.close()
        for one in everybody:
            one.process.join(max(0.0, deadline - time.monotonic()))
            if one.process.is_alive():
                one.process.kill()
                one.process.join()
            one.process.close()
        self._stop[0].close()
        self._idle, self._busy, self._stop = [], {}, None

    def _start_worker(self) -> _Worker:
        with defer_signals(), hide_main_module():
            context = self._context()
            if self._stop is None:
                self._stop = context.Pipe(duplex=False)
            ours, theirs = context.Pipe()
            cores = max(1, available_cores() // self.capacity)
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

    def send(self, kind: str, value: Any) -> None:
        with self._lock:
            self._pipe.send((kind, value))

    def report(self, value: Any) -> None:
        self.send("report", value)

    def stop_requested(self) -> bool:
        return self._stop.poll()  # nothing is ever sent: it was closed


def _worker_main(pipe: Connection, stop: Connection, environment: dict[str, str], folder: str, cores: int) -> None:
    """Main function of a worker: runs piece after piece until the caller has no more."""
    # Ctrl-C is the caller's business, and nobody outlives a caller that was killed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
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
    """The error with its traceback as a note; an EffigieError of its text if it cannot be pickled."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))  # as the pipe will
    except Exception:
        return EffigieError(f"{type(error).__name__}: {error}")
    return error


def _exit_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
