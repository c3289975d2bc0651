"""Clips: the library, folders to pick from, uploads, and what a clip is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from effigie.errors import EffigieError, UsageError
from effigie.io.atomic_write import discard
from effigie.studio.endpoints.requests import announced_size, get_studio, read_fields, resolve_path
from effigie.studio.library import SOUND_SUFFIXES, VIDEO_SUFFIXES
from effigie.studio.uploads import DOCUMENT_SUFFIXES, choose_name, clip_suffixes, receive_file
from effigie.studio.workspace import CLIPS, RECORDINGS, SOUNDS

MAX_PICKED = 1000
UPLOADS: dict[str, Callable[[], tuple[str, ...]]] = {
    CLIPS: clip_suffixes,
    SOUNDS: lambda: SOUND_SUFFIXES,
    RECORDINGS: lambda: SOUND_SUFFIXES + VIDEO_SUFFIXES,
    "evidence": lambda: clip_suffixes() + DOCUMENT_SUFFIXES,
}


async def show_library(request: Request) -> Response:
    studio = get_studio(request)
    products = [job.made or {} for job in studio.jobs.jobs()]
    inputs = {one["output"]: one["input"] for one in products if "output" in one and "input" in one}
    return JSONResponse(await asyncio.to_thread(studio.library.to_json, inputs))


async def list_roots(request: Request) -> Response:
    workspace = get_studio(request).workspace
    return JSONResponse([{"id": workspace.handles.issue(path), "name": str(path)} for path in workspace.media])


async def list_folder(request: Request) -> Response:
    return JSONResponse(await asyncio.to_thread(get_studio(request).library.list_folder, resolve_path(request)))


async def pick(request: Request) -> Response:
    """Add clips of the media folders to the list, without a copy."""
    studio, fields = get_studio(request), await read_fields(request)
    ids = fields.get("ids")
    if not isinstance(ids, list) or not 0 < len(ids) <= MAX_PICKED:
        raise UsageError(f"ids: choose one clip or more, up to {MAX_PICKED}")
    paths = [studio.workspace.handles.resolve(str(one)) for one in ids]
    await asyncio.to_thread(studio.library.pick, paths)
    studio.events.send("library", [])
    return JSONResponse({"picked": len(paths)})


async def forget(request: Request) -> Response:
    studio = get_studio(request)
    await asyncio.to_thread(studio.library.forget, resolve_path(request))
    studio.events.send("library", [])
    return JSONResponse({})


async def upload(request: Request) -> Response:
    """A clip or picture, streamed into the workspace; or a document that a consent rests on.

    Raises:
        MediaError: it came as a clip and is none; nothing of it is left.
    """
    studio, kind = get_studio(request), request.path_params["kind"]
    if kind not in UPLOADS:
        raise UsageError(f"uploads go to {', '.join(UPLOADS)}")
    path = choose_name(studio.workspace.root / kind, request.query_params.get("name", ""), UPLOADS[kind]())
    await receive_file(request.stream(), path, announced_size(request))
    if kind == CLIPS:
        await asyncio.to_thread(_check_clip, path)
    studio.events.send("library", [])
    return JSONResponse({"id": studio.workspace.handles.issue(path), "name": path.name})


def _check_clip(path: Path) -> None:
    from effigie.media import probe

    try:
        probe(path)
    except EffigieError:
        discard(path)
        raise


async def describe(request: Request) -> Response:
    return JSONResponse(await asyncio.to_thread(get_studio(request).frames.describe, resolve_path(request)))


async def poster(request: Request) -> Response:
    """The first frame, small."""
    jpeg = await asyncio.to_thread(get_studio(request).posters.read, resolve_path(request))
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "private, max-age=60"})


ROUTES = [
    Route("/api/library", show_library),
    Route("/api/roots", list_roots),
    Route("/api/folders/{id:str}", list_folder),
    Route("/api/clips/pick", pick, methods=["POST"]),
    Route("/api/clips/{id:str}/forget", forget, methods=["POST"]),
    Route("/api/clips/{id:str}/poster", poster),
    Route("/api/clips/{id:str}", describe),
    Route("/api/uploads/{kind:str}", upload, methods=["PUT"]),
]
