"""The socket of a page: events go out, wishes for frames come in, frames go out. The newest wish wins.

A wish is JSON, ``{"seq": 7, "n": 120, "width": 1280, "clips": [id, id]}``: the same frame of one clip or two. The
answer is binary: a little-endian 32-bit length, so many bytes of JSON (``seq``, ``n``, ``time``, ``ms``, ``sizes``),
and the JPEGs. Everything else that goes out is JSON, ``{"kind": ..., "value": ...}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from effigie.errors import EffigieError, UsageError
from effigie.io.atomic_write import parse_json
from effigie.studio.handles import ID_PATTERN
from effigie.studio.studio import Studio

MAX_WIDTH = 4096  # px
MAX_NUMBER = 1 << 31


@dataclass(frozen=True)
class FrameWish:
    """A wish for frame ``n`` of one clip or two, at most ``width`` px wide."""

    seq: int
    n: int
    width: int
    clips: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> FrameWish:
        """Parse a message of a page.

        Raises:
            UsageError: it is none.
        """
        try:
            message = parse_json(text)
            seq, n, width, clips = (message[name] for name in ("seq", "n", "width", "clips"))
        except (ValueError, TypeError, KeyError):
            raise UsageError("the message is no wish for a frame") from None
        numbers = ((seq, MAX_NUMBER), (n, MAX_NUMBER), (width, MAX_WIDTH))
        if any(type(value) is not int or not 0 <= value <= most for value, most in numbers) or width < 16:
            raise UsageError("the message is no wish for a frame: a number is out of range")
        if not isinstance(clips, list) or not 1 <= len(clips) <= 2:
            raise UsageError("the message is no wish for a frame: it names one clip or two")
        if any(not isinstance(clip, str) or not re.fullmatch(ID_PATTERN, clip) for clip in clips):
            raise UsageError("the message is no wish for a frame: a clip's id is 16 hex digits")
        return cls(seq, n, width, tuple(clips))


class Connection:
    """One page's socket: a slot for its newest wish, and its events."""

    def __init__(self, socket: WebSocket, studio: Studio) -> None:
        self._socket = socket
        self._studio = studio
        self._events = studio.events.join()
        self._wish: FrameWish | None = None
        self._wish_event = asyncio.Event()

    async def serve(self) -> None:
        """Serve until the page goes."""
        await self._socket.accept()
        tasks = [asyncio.create_task(work()) for work in (self._send_events, self._send_frames)]
        try:
            await self._receive()
        except WebSocketDisconnect:
            pass
        finally:
            self._studio.events.leave(self._events)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                self._wish = FrameWish.parse(message.get("text") or "")
                self._wish_event.set()
            except UsageError as error:
                await self._send("refused", {"error": str(error)})

    async def _send_events(self) -> None:
        while True:
            event = await self._events.get()
            await self._send(event["kind"], event["value"])

    async def _send_frames(self) -> None:
        while True:
            await self._wish_event.wait()
            self._wish_event.clear()
            wish, self._wish = self._wish, None
            if wish is None:
                continue
            try:
                message = await asyncio.to_thread(self._make_frames, wish)
            except EffigieError as error:
                await self._send(
                    "no-frame", {"seq": wish.seq, "n": wish.n, "error": self._studio.workspace.explain(error)}
                )
                continue
            with contextlib.suppress(RuntimeError):  # the page has gone meanwhile
                await self._socket.send_bytes(message)

    def _make_frames(self, wish: FrameWish) -> bytes:
        start = time.perf_counter()
        paths = [self._studio.workspace.handles.resolve(clip) for clip in wish.clips]
        pictures = [self._read(path, wish) for path in paths]
        head = {
            "seq": wish.seq,
            "n": wish.n,
            "time": pictures[0].time,
            "ms": round(1000 * (time.perf_counter() - start), 1),
            "sizes": [len(picture.jpeg) for picture in pictures],
        }
        text = json.dumps(head).encode()
        return b"".join([struct.pack("<I", len(text)), text, *(picture.jpeg for picture in pictures)])

    def _read(self, path: Path, wish: FrameWish) -> Any:
        return self._studio.frames.picture(path, wish.n, wish.width)

    async def _send(self, kind: str, value: Any) -> None:
        with contextlib.suppress(RuntimeError):
            await self._socket.send_text(json.dumps({"kind": kind, "value": value}, ensure_ascii=False))


async def serve_socket(socket: WebSocket) -> None:
    await Connection(socket, socket.app.state.studio).serve()


live_route = WebSocketRoute("/api/live", serve_socket)
