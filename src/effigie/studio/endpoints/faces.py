"""Faces of a set: figures of all at once, crops one by one as they come into view."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from effigie.studio.endpoints.requests import get_studio, resolve_path
from effigie.studio.studio import Studio
from effigie.studio.views.face_findings import VERB, describe_findings

FOREVER = "private, max-age=86400, immutable"  # the address holds the set's revision


async def describe(request: Request) -> Response:
    return JSONResponse(await asyncio.to_thread(get_studio(request).faces.describe, resolve_path(request)))


async def crop(request: Request) -> Response:
    """A face, 128 px."""
    row = request.path_params["row"]
    jpeg = await asyncio.to_thread(get_studio(request).faces.crop, resolve_path(request), row)
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": FOREVER})


async def findings(request: Request) -> Response:
    """What the last review of the set found; ``null`` where there was none."""
    return JSONResponse(await asyncio.to_thread(_find, get_studio(request), resolve_path(request)))


def _find(studio: Studio, path: Path) -> dict[str, Any] | None:
    return describe_findings(
        studio.workspace, studio.faces, path, studio.jobs.answers((*VERB, studio.workspace.shorten(path)))
    )


ROUTES = [
    Route("/api/faces/{id:str}", describe),
    Route("/api/faces/{id:str}/findings", findings),
    Route("/api/faces/{id:str}/{revision:str}/{row:int}", crop),
]
