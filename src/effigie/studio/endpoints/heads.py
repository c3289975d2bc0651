"""Heads: the socket through which a page talks to the preview of a portrait, and the control templates it saves."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from effigie.errors import EffigieError, UsageError
from effigie.studio.endpoints.preview_socket import serve_preview
from effigie.studio.endpoints.requests import get_studio, read_fields, resolve_path
from effigie.studio.jobs.wish import Wish
from effigie.studio.preview_process import pack, run_once
from effigie.studio.records import find_consents
from effigie.studio.studio import Studio
from effigie.studio.template_files import read_template
from effigie.studio.workspace import TEMPLATES

MODULE = "effigie.heads.preview.process"
MAX_TEMPLATE = 48_000  # characters of JSON


async def save(request: Request) -> Response:
    """A control template: ``name``, ``template``; with ``id`` the one that is there is written again."""
    studio, fields = get_studio(request), await read_fields(request)
    wish = Wish(studio.workspace, fields)
    if wish.has("id"):
        path = _check_template(wish.path("id"))
    else:
        path = wish.output(TEMPLATES, ".toml")
        if path.exists():
            raise UsageError(f"{path.name} is there already: choose another name")
    text = json.dumps(fields.get("template"))
    if len(text) > MAX_TEMPLATE:
        raise UsageError("the template is too large")
    await asyncio.to_thread(run_once, MODULE, ["--save", str(path)], text)
    studio.events.send("library", [])
    return JSONResponse({"id": studio.workspace.handles.issue(path)})


async def load(request: Request) -> Response:
    """The values of a control template."""
    return JSONResponse(await asyncio.to_thread(read_template, _check_template(resolve_path(request))))


async def serve_socket(socket: WebSocket) -> None:
    """A page's way to the preview of the portrait in the address, moved by ``driver`` if there is one."""
    studio: Studio = socket.app.state.studio
    await socket.accept()
    try:
        handles = studio.workspace.handles
        portrait = handles.resolve(socket.path_params["id"])
        driver = socket.query_params.get("driver")
        arguments = [str(portrait), *(["--driver", str(handles.resolve(driver))] if driver else [])]
        consents = await asyncio.to_thread(find_consents, studio.workspace, "animate", None)
        arguments += [part for path in consents for part in ("--consent", str(path))]
        process = await studio.heads.get((MODULE, *arguments))
    except EffigieError as error:
        await socket.send_bytes(pack({"kind": "ended", "error": str(error)}))
        await socket.close()
        return
    await serve_preview(socket, studio.heads, process)


def _check_template(path: Path) -> Path:
    if path.suffix.lower() not in (".toml", ".json"):
        raise UsageError(f"{path.name} is no control template")
    return path


ROUTES = [
    Route("/api/templates", save, methods=["POST"]),
    Route("/api/templates/{id:str}", load),
    WebSocketRoute("/api/heads/{id:str}", serve_socket),
]
