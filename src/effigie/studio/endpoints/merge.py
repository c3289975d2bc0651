"""Merge: new projects, and the socket through which a page talks to the preview of one."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from effigie.errors import EffigieError, UsageError
from effigie.studio.commands import Wish
from effigie.studio.endpoints.requests import read_fields, studio_of
from effigie.studio.merge_process import MergeProcess, create_project, pack
from effigie.studio.project_files import read_clip
from effigie.studio.studio import Studio
from effigie.studio.workspace import PROJECTS


async def create(request: Request) -> Response:
    """A new project: ``model``, ``clip``, ``name``."""
    studio, wish = studio_of(request), Wish(studio_of(request).workspace, await read_fields(request))
    path = wish.output(PROJECTS, ".toml")
    if path.exists():
        raise UsageError(f"{path.name} is there already: choose another name")
    await asyncio.to_thread(create_project, path, wish.path("model"), wish.path("clip"))
    studio.events.send("library", [])
    return JSONResponse({"id": studio.workspace.handles.issue(path)})


async def serve_socket(socket: WebSocket) -> None:
    """A page's way to the preview of the project in the address."""
    studio: Studio = socket.app.state.studio
    await socket.accept()
    try:
        path = studio.workspace.handles.resolve(socket.path_params["id"])
        if path.suffix != ".toml":
            raise UsageError(f"{path.name} is no project file")
        process = await studio.merges.get(path)
    except EffigieError as error:
        await socket.send_bytes(pack({"kind": "ended", "error": str(error)}))
        await socket.close()
        return
    clip = read_clip(path)
    if clip is not None and studio.workspace.handles.is_allowed(clip):
        await socket.send_bytes(pack({"kind": "clip", "id": studio.workspace.handles.issue(clip)}))
    queue = process.join()
    sender = asyncio.create_task(_send(socket, queue))
    try:
        await _receive(socket, process)
    finally:
        process.leave(queue)
        sender.cancel()
        studio.keep_task(asyncio.create_task(studio.merges.linger(process)))


async def _receive(socket: WebSocket, process: MergeProcess) -> None:
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


ROUTES = [Route("/api/projects", create, methods=["POST"]), WebSocketRoute("/api/merge/{id:str}", serve_socket)]
