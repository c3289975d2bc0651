"""A page's way to a preview: its wishes go to the process, the process' messages come to it."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.websockets import WebSocket, WebSocketDisconnect

from effigie.errors import UsageError
from effigie.studio.preview_process import PreviewProcess, PreviewProcesses, pack
from effigie.studio.studio import Studio


async def serve_preview(socket: WebSocket, processes: PreviewProcesses, process: PreviewProcess) -> None:
    """Serve a page until it goes; the process stays for a while."""
    studio: Studio = socket.app.state.studio
    queue = process.join()
    sender = asyncio.create_task(_send(socket, queue))
    try:
        await _receive(socket, process)
    finally:
        process.leave(queue)
        sender.cancel()
        studio.keep_task(asyncio.create_task(processes.linger(process)))


async def _receive(socket: WebSocket, process: PreviewProcess) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                await process.send(message.get("text") or "")
            except UsageError as error:
                await socket.send_bytes(pack({"kind": "error", "error": str(error)}))


async def _send(socket: WebSocket, queue: asyncio.Queue[bytes]) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the page has gone
        while True:
            await socket.send_bytes(await queue.get())
