"""Pipelines of threads with bounded queues: reading, swapping and writing at the same time.

The heavy parts (decoding, networks, warps, encoding) run outside Python's lock, so threads really overlap.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Generic, Self, TypeVar

import cv2

from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

Item = TypeVar("Item")
Output = TypeVar("Output")
POLL_S = 0.2
SWITCH_INTERVAL_S = 2e-4


class _SharedCores:
    """The process's settings while anybody shares its cores; the last who leaves puts back what the first found."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._original = 0, 0.0

    def enter(self) -> None:
        with self._lock:
            if self._users == 0:
                self._original = cv2.getNumThreads(), sys.getswitchinterval()
                cv2.setNumThreads(1)
                sys.setswitchinterval(SWITCH_INTERVAL_S)
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                threads, interval = self._original
                cv2.setNumThreads(threads)
                sys.setswitchinterval(interval)


_SHARED_CORES = _SharedCores()


@contextlib.contextmanager
def shared_cores() -> Iterator[None]:
    """Settings for threads that share the cores: OpenCV single-threaded, and a short switch interval of Python's lock.

    More threads for one stage would only wait for the others. A stage comes back from OpenCV after a fraction of a
    millisecond and wants the lock again; Python's usual 5 ms of waiting cost a conversion 8 % of its rate.

    Enter it before the threads begin: some of OpenCV's sums round by the number of its threads, a few samples of a
    frame. The settings are the process's, so that they hold until the last of several blocks ends, in any thread.
    """
    _SHARED_CORES.enter()
    try:
        yield
    finally:
        _SHARED_CORES.leave()


@contextlib.contextmanager
def ordered_map(
    make: Callable[[Item], Output], items: Iterable[Item], workers: int = 2, depth: int = 4
) -> Iterator[Iterator[Output]]:
    """Map ``make`` over items in order, in ``workers`` threads, at most ``depth`` items ahead.

    Items are drawn in the caller's thread, so that what yields them may remember the ones before.

    Example::

        with ordered_map(warp.render, landmarks) as pictures:
            for picture in pictures:
                writer.write(picture)
    """
    waiting: deque[Future[Output]] = deque()

    def outputs(pool: ThreadPoolExecutor) -> Iterator[Output]:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    with ThreadPoolExecutor(workers) as pool:
        try:
            yield outputs(pool)
        finally:
            for future in waiting:
                future.cancel()


class BackgroundCalls:
    """Calls in threads that end with the block: whoever leaves it early asks them to stop, and waits.

    It waits because a thread that loads a network keeps standard error silent meanwhile: a message would be lost.

    Args:
        workers: threads.
        cancel: asked while the caller waits in :meth:`wait`.

    Attributes:
        stop: to be given to the calls; set when the block is left.
    """

    def __init__(self, workers: int, cancel: CancelToken) -> None:
        self.stop, self._cancel = CancelToken(), cancel
        self._executor = ThreadPoolExecutor(workers)
        self._last_report: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, call: Callable[..., Output], *values: object, **named: object) -> Future[Output]:
        """Begin a call."""
        return self._executor.submit(call, *values, **named)

    def report(self, progress: Progress) -> None:
        """To be given to the calls as their progress callback: the newest report is passed on by :meth:`wait`."""
        self._last_report = progress

    def wait(self, futures: Sequence[Future[Any]], progress: ProgressCallback = ignore_progress) -> None:
        """Wait until the calls have ended, well or not; what they report is told meanwhile, in the caller's thread.

        Raises:
            CancelledError: asked to stop.
        """
        last_report = None
        while wait(futures, POLL_S).not_done:
            self._cancel.check()
            if (newest := self._last_report) is not None and newest is not last_report:
                last_report = newest
                progress(newest)


class Prefetcher(Generic[Item]):
    """Iterates ``items`` in a thread, at most ``depth`` ahead; an error in the thread is raised by the loop.

    Use as a context manager, so that the thread ends when the loop is left early.
    """

    def __init__(self, items: Iterator[Item], depth: int = 4) -> None:
        self._items = items
        self._queue: queue.Queue[tuple[str, Item | BaseException | None]] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Iterator[Item]:
        self._thread.start()
        return self._iterate()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            for item in self._items:
                self._put(("item", item))
                if self._stop.is_set():
                    return
            self._put(("end", None))
        except BaseException as error:  # handed to the loop, which raises it
            self._put(("error", error))

    def _put(self, message: tuple[str, Item | BaseException | None]) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(message, timeout=POLL_S)
                return
            except queue.Full:
                continue

    def _iterate(self) -> Iterator[Item]:
        while True:
            kind, value = self._queue.get()
            if kind == "end":
                return
            if kind == "error":
                assert isinstance(value, BaseException)
                raise value
            yield value  # type: ignore[misc]


class BackgroundConsumer(Generic[Item]):
    """Calls ``consume`` with every item :meth:`put`, in order, in a thread, at most ``depth`` behind."""

    def __init__(self, consume: Callable[[Item], None], depth: int = 4) -> None:
        self._consume = consume
        self._queue: queue.Queue[Item | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> BackgroundConsumer[Item]:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._error = self._error or InterruptedError()
        self._queue.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def put(self, item: Item) -> None:
        """Hand over an item; raises what went wrong with an earlier one."""
        if self._error is not None:
            raise self._error
        self._queue.put(item)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._consume(item)
                except BaseException as error:  # kept for the next put
                    self._error = error
