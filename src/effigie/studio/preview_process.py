"""A process that makes previews: its pages share it, and it stays for a while when they go."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from effigie.errors import EffigieError, UsageError

MAX_MESSAGE_BYTES = 64 << 20  # of the process
LINGER_S = 600.0  # without a page, for one that is loaded again
MAX_WAITING = 32  # messages of a page that does not read; older ones go
ONCE_TIMEOUT_S = 60


def run_once(module: str, arguments: Sequence[str], text: str = "") -> None:
    """Have a module of a preview write a file.

    Raises:
        EffigieError: it cannot; with its own line.
    """
    process = subprocess.run(
        [sys.executable, "-P", "-m", module, *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=ONCE_TIMEOUT_S,
    )
    if process.returncode:
        raise EffigieError((process.stderr.strip().splitlines() or ["the file cannot be written"])[-1])


class PreviewProcess:
    """One preview, in a process of its own.

    Attributes:
        command: the module, and what it is given.
    """

    def __init__(self, command: tuple[str, ...]) -> None:
        self.command = command
        self._process: asyncio.subprocess.Process | None = None
        self._pages: set[asyncio.Queue[bytes]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._last_state = b""
        self._is_closed = False

    async def start(self) -> None:
        """Start the process."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", *self.command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_MESSAGE_BYTES,
        )
        self._reader = asyncio.create_task(self._read())

    @property
    def is_running(self) -> bool:
        """Whether there is a process that shows something, or soon will."""
        return self._process is not None and self._process.returncode is None and not self._is_closed

    @property
    def is_watched(self) -> bool:
        return bool(self._pages)

    def join(self) -> asyncio.Queue[bytes]:
        """A new page's queue of messages, the last state in it."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        if self._last_state:
            queue.put_nowait(self._last_state)
        self._pages.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[bytes]) -> None:
        self._pages.discard(queue)

    async def send(self, text: str) -> None:
        """Hand a page's wish on.

        Raises:
            UsageError: it is none.
        """
        try:
            wish = json.loads(text)
            line = json.dumps(wish)  # on one line
        except ValueError:
            raise UsageError("the message is no JSON") from None
        if not isinstance(wish, dict) or wish.get("do") not in ("open", "show", "save"):
            raise UsageError("the message is no wish: open, show or save")
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(line.encode() + b"\n")
                await self._process.stdin.drain()

    async def stop(self) -> None:
        """End the process; its input's end is enough for it."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._reader is not None:
            self._reader.cancel()

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None and self._process.stderr is not None
        errors = asyncio.create_task(self._process.stderr.read())
        stream = self._process.stdout
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                length = struct.unpack("<I", await stream.readexactly(4))[0]
                text = await stream.readexactly(length)
                head = json.loads(text)
                blobs = await stream.readexactly(sum(head.get("sizes", ())))
                message = struct.pack("<I", length) + text + blobs
                if head["kind"] == "state" or head.get("closed"):
                    self._last_state = message
                    self._is_closed = self._is_closed or bool(head.get("closed"))
                self._pass_on(message)
        lines = (await errors).decode("utf-8", "replace").strip().splitlines() or ["it was stopped"]
        self._pass_on(pack({"kind": "ended", "error": f"the preview has ended: {lines[-1]}; load the page again"}))

    def _pass_on(self, message: bytes) -> None:
        for queue in self._pages:
            if queue.full():
                with contextlib.suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
            queue.put_nowait(message)


class PreviewProcesses:
    """The preview that is open: one at a time, for each holds models and pictures."""

    def __init__(self) -> None:
        self._open: PreviewProcess | None = None
        self._lock = asyncio.Lock()

    async def get(self, command: tuple[str, ...]) -> PreviewProcess:
        """The preview of a command; that of another ends."""
        async with self._lock:
            if self._open is not None and (self._open.command != command or not self._open.is_running):
                await self._open.stop()
                self._open = None
            if self._open is None:
                self._open = PreviewProcess(command)
                await self._open.start()
            return self._open

    async def linger(self, process: PreviewProcess) -> None:
        """End a preview that no page has watched for a while."""
        await asyncio.sleep(LINGER_S)
        async with self._lock:
            if self._open is process and not process.is_watched:
                await process.stop()
                self._open = None

    async def close(self) -> None:
        async with self._lock:
            if self._open is not None:
                await self._open.stop()
                self._open = None


def pack(head: dict[str, Any]) -> bytes:
    """A message without pictures, as the process sends them."""
    text = json.dumps(head, ensure_ascii=False).encode()
    return struct.pack("<I", len(text)) + text
