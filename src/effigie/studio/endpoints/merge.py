"""Merge: new projects, and the socket through which a page talks to the preview of one."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from effigie.errors import EffigieError, UsageError
from effigie.studio.endpoints.preview_socket import serve_preview
from effigie.studio.endpoints.requests import get_studio, read_fields
from effigie.studio.jobs.wish import Wish
from effigie.studio.preview_process import pack, run_once
from effigie.studio.project_files import read_clip
from effigie.studio.studio import Studio
from effigie.studio.workspace import PROJECTS

MODULE = "effigie.swap.preview.process"


async def create(request: Request) -> Response:
    """A new project: ``model``, ``clip``, ``name``."""
    studio, wish = get_studio(request), Wish(get_studio(request).workspace, await read_fields(request))
    path = wish.output(PROJECTS, ".toml")
    if path.exists():
        raise UsageError(f"{path.name} is there already: choose another name")
    arguments = [str(path), str(wish.path("model")), str(wish.path("clip"))]
    await asyncio.to_thread(run_once, MODULE, arguments)
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
        process = await studio.merges.get((MODULE, str(path)))
    except EffigieError as error:
        await socket.send_bytes(pack({"kind": "ended", "error": str(error)}))
        await socket.close()
        return
    clip = read_clip(path)
    if clip is not None and studio.workspace.handles.is_allowed(clip):
        await socket.send_bytes(pack({"kind": "clip", "id": studio.workspace.handles.issue(clip)}))
    await serve_preview(socket, studio.merges, process)


ROUTES = [Route("/api/projects", create, methods=["POST"]), WebSocketRoute("/api/merge/{id:str}", serve_socket)]
