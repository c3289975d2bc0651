"""Events: what every open page is told at once, such as the jobs' progress."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

MAX_WAITING = 64  # events; a page that does not read for so long gets the newest state when it does


class EventHub:
    """Passes events, JSON objects with a ``kind``, on to every listener; the last of some kinds to newcomers too."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[dict[str, Any]]] = set()
        self._last: dict[str, dict[str, Any]] = {}

    def join(self) -> asyncio.Queue[dict[str, Any]]:
        """A new listener's queue, with the last states in it."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_WAITING)
        for event in self._last.values():
            queue.put_nowait(event)
        self._listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[dict[str, Any]]) -> None:
        self._listeners.discard(queue)

    def send(self, kind: str, value: Any, is_state: bool = False) -> None:
        """Send an event; a state is kept for those who come later, and replaces one that still waits."""
        event = {"kind": kind, "value": value}
        if is_state:
            self._last[kind] = event
        for queue in self._listeners:
            if queue.full():
                with contextlib.suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
            queue.put_nowait(event)
