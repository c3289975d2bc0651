"""An executor on Ray, which is started for this call alone or runs already as a cluster.

Ray runs the pieces, each as a task of its own; what is in flight is bounded here, and so is memory. Not Ray Data: its
retries and its progress are of blocks of rows, and here a clip is what fails, is reported and is stopped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from effigie.errors import EffigieError, UsageError
from effigie.execution import worker
from effigie.execution.executor import Executor, Function, Reporter, WorkerPool
from effigie.execution.processes import picklable_error
from effigie.execution.worker import available_cores
from effigie.progress import CancelToken

POLL_S = 0.1
REPORT_INTERVAL_S = 0.2  # between two looks at what workers said
STOP_CHECK_INTERVAL_S = 0.5  # between two questions of a worker whether to stop: each goes through the network
GRACE_S = 15.0
TASKS_PER_WORKER = 2  # pieces in flight for each worker: one worked on, one waiting
MAX_STORE_BYTES = 1 << 30
# Ray starts a process for what waits, and ends whichever then idles for a second: with a short task each, all of them
# spent their time on loading networks anew.
IDLE_MS = 10 * 60 * 1000


class RayExecutor(Executor):
    """Runs pieces of work as tasks of Ray.

    Ray started here listens on 127.0.0.1 alone, shows no dashboard and sends no statistics.

    Args:
        address: None starts Ray for as long as this object is open; ``ray://host:port`` (Ray's client port) or
            ``ray://auto`` goes to a cluster that runs already, whose machines must have effigie installed.
        workers: tasks at a time; all cores, of the cluster too, by default.

    Raises:
        UsageError: Ray is not installed.
        EffigieError: Ray cannot be started or reached.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        if address is None:
            # The one switch by which Ray takes the loopback address for its own, on every system; read at its import.
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        try:
            import ray
        except ImportError:
            raise UsageError(
                "Ray is not installed: pip install 'effigie[ray]', or leave --engine out for processes on this machine"
            ) from None
        self._ray, self._address, self._worker_count = ray, address, workers
        self._is_started = False

    @property
    def workers(self) -> int:
        """Number of tasks at a time."""
        if self._worker_count is not None:
            return self._worker_count
        if self._address is None:
            return available_cores()
        self.warm_up()
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def warm_up(self) -> None:
        """Start Ray, or connect to the cluster."""
        if self._ray.is_initialized():
            return  # the caller's own: it is theirs to end, too
        quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
        # What anybody runs here is nobody's business; both are read while Ray starts.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            with _preserve_signal_handlers():
                if self._address is None:
                    self._ray.init(
                        num_cpus=self.workers,
                        include_dashboard=False,
                        object_store_memory=_store_bytes(),
                        _node_ip_address="127.0.0.1",
                        _system_config={"idle_worker_killing_time_threshold_ms": IDLE_MS},
                        **quiet,
                    )
                else:
                    self._ray.init(address="auto" if self._address == "ray://auto" else self._address, **quiet)
        except Exception as error:  # of many kinds, Ray's own and gRPC's
            location = self._address or "Ray here"
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise EffigieError(f"cannot reach or start {location} ({reason})") from error
        self._is_started = True

    def close(self) -> None:
        """Shut down the Ray that was started here, or disconnect from the cluster."""
        if self._is_started:
            self._is_started = False
            with _preserve_signal_handlers():
                self._ray.shutdown()

    def _open_pool(self, function: Function, on_report: Reporter, cancel: CancelToken) -> WorkerPool:
        self.warm_up()
        workers = self.workers
        cores = max(1, available_cores() // workers) if self._address is None else 1
        return _RayPool(self._ray, function, on_report, TASKS_PER_WORKER * workers, cores)


class _RayPool:
    """The tasks of one run that Ray has been given, and the mailbox between them and the caller."""

    def __init__(self, ray: Any, function: Function, on_report: Reporter, capacity: int, cores: int) -> None:
        self._ray, self._function, self._on_report, self.capacity = ray, function, on_report, capacity
        self._mailbox = ray.remote(num_cpus=0, max_restarts=-1)(_Mailbox).remote()
        self._task = ray.remote(num_cpus=1, max_retries=0)(_task)
        self._context = (self._mailbox, worker.passed_environment(), str(Path.cwd()), cores)
        self._pending: dict[Any, Any] = {}
        self._listen = 0.0

    def in_flight(self) -> int:
        return len(self._pending)

    def submit(self, piece: Any) -> None:
        self._pending[self._task.remote(self._function, piece, *self._context)] = piece

    def receive(self) -> list[tuple[Any, str, Any]]:
        ready, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=POLL_S)
        if time.monotonic() >= self._listen or len(ready) == len(self._pending):
            self._listen = time.monotonic() + REPORT_INTERVAL_S
            with contextlib.suppress(self._ray.exceptions.RayError):
                for value in self._ray.get(self._mailbox.drain.remote()):
                    self._on_report(value)
        return [(self._pending.pop(reference), *self._task_outcome(reference)) for reference in ready]

    def close(self) -> None:
        ray, pending = self._ray, list(self._pending)
        with contextlib.suppress(ray.exceptions.RayError):
            if pending:
                ray.get(self._mailbox.request_stop.remote())
                for reference in pending:
                    ray.cancel(reference, force=False)  # those that wait; the others ask the mailbox
                ray.wait(pending, num_returns=len(pending), timeout=GRACE_S)
                for reference in pending:
                    ray.cancel(reference, force=True)
            ray.kill(self._mailbox)

    def _task_outcome(self, reference: Any) -> tuple[str, Any]:
        """Outcome of a task: ``result``, ``error`` or ``lost``, and the value."""
        raised = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except raised.RayTaskError as error:
            # Of the function itself errors come back as values: this is what Ray could not carry.
            return "error", EffigieError(str(error.cause or error).strip().splitlines()[-1])
        except raised.RayError:
            return "lost", None


class _Mailbox:
    """A Ray actor that holds the workers' reports until the caller takes them, and the request to stop."""

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._stop = False

    def put(self, value: Any) -> None:
        self._messages.append(value)

    def drain(self) -> list[Any]:
        messages, self._messages = self._messages, []
        return messages

    def request_stop(self) -> None:
        self._stop = True

    def stop_requested(self) -> bool:
        return self._stop


class _RayConnection:
    """A worker's connection to its caller through the mailbox."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox
        self._check_time, self._stop = time.monotonic(), False

    def report(self, value: Any) -> None:
        self._mailbox.put.remote(value)

    def stop_requested(self) -> bool:
        import ray

        if not self._stop and time.monotonic() - self._check_time > STOP_CHECK_INTERVAL_S:
            with contextlib.suppress(ray.exceptions.RayError):
                self._stop = ray.get(self._mailbox.stop_requested.remote())
            self._check_time = time.monotonic()
        return self._stop


def _task(
    function: Function, piece: Any, mailbox: Any, environment: dict[str, str], folder: str, cores: int
) -> tuple[str, Any]:
    """Run one piece in a worker of Ray. An error comes back as a value, so that it keeps its type."""
    os.environ.update(environment)
    worker.limit_cores(cores)
    worker.connect(_RayConnection(mailbox))
    try:
        with worker.working_folder(folder):
            return "result", function(piece)
    except Exception as error:
        return "error", picklable_error(error)
    finally:
        worker.connect(None)


def _store_bytes() -> int:
    """Size of Ray's object store: a quarter of the shared memory, which containers keep small, at most 1 GB."""
    with contextlib.suppress(OSError):
        return max(80 << 20, min(MAX_STORE_BYTES, shutil.disk_usage("/dev/shm").free // 4))
    return MAX_STORE_BYTES


@contextlib.contextmanager
def _preserve_signal_handlers() -> Iterator[None]:
    """Restore the handlers of SIGINT and SIGTERM, which Ray replaces; effigie's unwind the stack and clean up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
