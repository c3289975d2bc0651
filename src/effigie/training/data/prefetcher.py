"""Prefetcher of batches: one background thread, so that augmentation and training overlap."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

QUEUE_SIZE = 2


class BatchPrefetcher:
    """Prefetches batches ``make(step)`` for steps ``first``, ``first + 1``, ... in order.

    An exception in ``make`` is raised by :meth:`next`.

    Args:
        make: called in the background thread, one call at a time.
    """

    def __init__(self, make: Callable[[int], Any], first: int) -> None:
        self._make = make
        self._queue: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(QUEUE_SIZE)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(first,), name="effigie-batches", daemon=True)
        self._thread.start()

    def next(self) -> Any:
        """The next batch; waits for it."""
        batch, error = self._queue.get()
        if error is not None:
            raise error
        return batch

    def close(self) -> None:
        """Stop the thread; a batch in the making is finished and dropped."""
        self._stop.set()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._thread.join(timeout=10)

    def _fill(self, step: int) -> None:
        try:
            while not self._stop.is_set():
                self._put(self._make(step), None)
                step += 1
        except BaseException as error:
            self._put(None, error)

    def _put(self, batch: Any, error: BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                return self._queue.put((batch, error), timeout=0.1)
            except queue.Full:
                continue
