"""Results: what `verify` finds in them, or in any file that is dropped."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from effigie.studio.endpoints.requests import announced_size, path_of, studio_of
from effigie.studio.uploads import choose_name, receive_file
from effigie.studio.verification import verify_file


async def verify(request: Request) -> Response:
    return JSONResponse(await asyncio.to_thread(verify_file, path_of(request), studio_of(request).workspace.store))


async def verify_dropped(request: Request) -> Response:
    """A file from anywhere: it is looked at and removed again."""
    folder = studio_of(request).workspace.private / "incoming"
    path = choose_name(folder, request.query_params.get("name", ""))
    try:
        await receive_file(request.stream(), path, announced_size(request))
        return JSONResponse(await asyncio.to_thread(verify_file, path, studio_of(request).workspace.store))
    finally:
        path.unlink(missing_ok=True)


ROUTES = [Route("/api/results/{id:str}/verify", verify), Route("/api/verify", verify_dropped, methods=["PUT"])]
