"""The same call over Ray: started here for this call alone, or a cluster that is there already.

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
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from effigie.errors import EffigieError, UsageError
from effigie.execution import worker
from effigie.execution.processes import Queue, portable
from effigie.execution.worker import Lost, available_cores
from effigie.progress import Cancel

Work = TypeVar("Work")
Result = TypeVar("Result")

POLL_S = 0.1
LISTEN_S = 0.2  # between two looks at what workers said
ASK_S = 0.5  # between two questions of a worker whether to stop: each goes through the network
GRACE_S = 15.0
QUEUED = 2  # pieces in flight for each worker: one worked on, one waiting
STORE_BYTES = 1 << 30
# Ray starts a process for what waits, and ends whichever then idles for a second: with a short task each, all of them
# spent their time on loading networks anew.
IDLE_MS = 10 * 60 * 1000
ADDRESS = "ray://"


class RayWorkers:
    """Tasks of Ray.

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
        self._ray = _loaded()
        self._address = address
        self._wanted = workers
        self._started = False

    @property
    def workers(self) -> int:
        """Tasks at a time."""
        if self._wanted is not None:
            return self._wanted
        if self._address is None:
            return available_cores()
        self.warm_up()
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def warm_up(self) -> None:
        """Start Ray, or reach the cluster."""
        if self._ray.is_initialized():
            return  # the caller's own: it is theirs to end, too
        quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
        # What anybody runs here is nobody's business; both are read while Ray starts.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            with _handlers_kept():
                if self._address is None:
                    self._ray.init(
                        num_cpus=self.workers,
                        include_dashboard=False,
                        object_store_memory=_store_bytes(),
                        _node_ip_address="127.0.0.1",
                        _system_config={"idle_worker_killing_time_threshold_ms": IDLE_MS},
                        **quiet,
                    )
                elif self._address == ADDRESS + "auto":
                    self._ray.init(address="auto", **quiet)
                else:
                    self._ray.init(address=self._address, **quiet)
        except Exception as error:  # of many kinds, Ray's own and gRPC's
            where = self._address or "Ray here"
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise EffigieError(f"cannot reach or start {where} ({reason})") from error
        self._started = True

    def close(self) -> None:
        """End what was started here; of a cluster, leave it."""
        if self._started:
            self._started = False
            with _handlers_kept():
                self._ray.shutdown()

    def run(
        self,
        function: Callable[[Work], Result],
        work: Iterable[Work],
        on_report: Callable[[Any], None],
        cancel: Cancel,
        on_killed: Callable[[Work], Result] | None = None,
    ) -> Iterator[tuple[Work, Result]]:
        """As :class:`effigie.execution.Executor` says."""
        self.warm_up()
        ray, queue = self._ray, Queue(work)
        mailbox = ray.remote(num_cpus=0, max_restarts=-1)(_Mailbox).remote()
        task = ray.remote(num_cpus=1, max_retries=0)(_task)
        cores = max(1, available_cores() // self.workers) if self._address is None else 1
        given = (mailbox, worker.passed_on(), str(Path.cwd()), cores)
        pending: dict[Any, Work] = {}
        listen = 0.0
        try:
            while True:
                while len(pending) < QUEUED * self.workers and queue.ready(len(pending)):
                    piece = queue.take()
                    pending[task.remote(function, piece, *given)] = piece
                if not pending:
                    break
                done, _ = ray.wait(list(pending), num_returns=1, timeout=POLL_S)
                if time.monotonic() >= listen:
                    listen = time.monotonic() + LISTEN_S
                    self._hear(mailbox, on_report)
                cancel.check()
                for reference in done:
                    kind, value = self._answer(reference)
                    piece = pending.pop(reference)
                    if kind == "error":
                        raise value
                    if kind == "result":
                        yield piece, value
                    elif not queue.again(piece):
                        if on_killed is None:
                            raise Lost()
                        yield piece, on_killed(piece)
            self._hear(mailbox, on_report)
        finally:
            self._dismiss(mailbox, list(pending))

    def _answer(self, reference: Any) -> tuple[str, Any]:
        """What became of a task: ``result``, ``error`` or ``lost``, and the value."""
        raised = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except raised.RayTaskError as error:
            # Of the function itself errors come back as values: this is what Ray could not carry.
            return "error", EffigieError(str(error.cause or error).strip().splitlines()[-1])
        except raised.RayError:
            return "lost", None

    def _hear(self, mailbox: Any, on_report: Callable[[Any], None]) -> None:
        with contextlib.suppress(self._ray.exceptions.RayError):
            for value in self._ray.get(mailbox.take.remote()):
                on_report(value)

    def _dismiss(self, mailbox: Any, pending: list[Any]) -> None:
        ray = self._ray
        with contextlib.suppress(ray.exceptions.RayError):
            if pending:
                ray.get(mailbox.stop.remote())
                for reference in pending:
                    ray.cancel(reference, force=False)  # those that wait; the others ask the mailbox
                ray.wait(pending, num_returns=len(pending), timeout=GRACE_S)
                for reference in pending:
                    ray.cancel(reference, force=True)
            ray.kill(mailbox)


class _Mailbox:
    """What workers say, until the caller takes it; and whether they are to stop."""

    def __init__(self) -> None:
        self._said: list[Any] = []
        self._stop = False

    def say(self, value: Any) -> None:
        self._said.append(value)

    def take(self) -> list[Any]:
        said, self._said = self._said, []
        return said

    def stop(self) -> None:
        self._stop = True

    def stopping(self) -> bool:
        return self._stop


class _Post:
    """A worker's line to its caller, through the mailbox."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox
        self._asked, self._stop = time.monotonic(), False

    def report(self, value: Any) -> None:
        self._mailbox.say.remote(value)

    def stop_requested(self) -> bool:
        import ray

        if not self._stop and time.monotonic() - self._asked > ASK_S:
            with contextlib.suppress(ray.exceptions.RayError):
                self._stop = ray.get(self._mailbox.stopping.remote())
            self._asked = time.monotonic()
        return self._stop


def _task(
    function: Callable[[Any], Any],
    piece: Any,
    mailbox: Any,
    environment: dict[str, str],
    folder: str,
    cores: int,
) -> tuple[str, Any]:
    """In a worker of Ray: one piece. Its error comes back as a value, so that it stays what it is."""
    os.environ.update(environment)
    worker.share_cores(cores)
    worker.connect(_Post(mailbox))
    try:
        with worker.in_folder(folder):
            return "result", function(piece)
    except Exception as error:
        return "error", portable(error)
    finally:
        worker.connect(None)


def _loaded() -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError(
            "Ray is not installed: pip install 'effigie[ray]', or leave --engine out for processes on this machine"
        ) from None
    return ray


def _store_bytes() -> int:
    """For the results on their way: a quarter of the shared memory, which containers keep small, at most 1 GB."""
    with contextlib.suppress(OSError):
        return max(80 << 20, min(STORE_BYTES, shutil.disk_usage("/dev/shm").free // 4))
    return STORE_BYTES


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Ray puts its own in the place of Ctrl-C's and a polite kill's; ours unwind the stack and tidy up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
