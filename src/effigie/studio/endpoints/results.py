"""Results: what `verify` finds in them, or in any file that is dropped; the worst frames of swaps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from effigie.studio.endpoints.requests import announced_size, get_studio, resolve_path
from effigie.studio.studio import Studio
from effigie.studio.uploads import choose_name, receive_file
from effigie.studio.verification import verify_file
from effigie.studio.views.worst_frames import VERB, describe_worst


async def verify(request: Request) -> Response:
    return JSONResponse(
        await asyncio.to_thread(verify_file, resolve_path(request), get_studio(request).workspace.store)
    )


async def verify_upload(request: Request) -> Response:
    """A file from anywhere: it is looked at and removed again."""
    folder = get_studio(request).workspace.private / "incoming"
    path = choose_name(folder, request.query_params.get("name", ""))
    try:
        await receive_file(request.stream(), path, announced_size(request))
        return JSONResponse(await asyncio.to_thread(verify_file, path, get_studio(request).workspace.store))
    finally:
        path.unlink(missing_ok=True)


async def worst(request: Request) -> Response:
    """The worst frames of a result that was measured; ``null`` where it was not."""
    return JSONResponse(await asyncio.to_thread(_find_worst, get_studio(request), resolve_path(request)))


def _find_worst(studio: Studio, path: Path) -> dict[str, Any] | None:
    return describe_worst(path, studio.jobs.answers((*VERB, studio.workspace.shorten(path))))


ROUTES = [
    Route("/api/results/{id:str}/verify", verify),
    Route("/api/results/{id:str}/worst", worst),
    Route("/api/verify", verify_upload, methods=["PUT"]),
]
