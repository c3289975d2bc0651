"""Faces of a set: figures of all at once, crops one by one as they come into view."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from effigie.studio.endpoints.requests import path_of, studio_of

FOREVER = "private, max-age=86400, immutable"  # the address holds the set's revision


async def describe(request: Request) -> Response:
    return JSONResponse(await asyncio.to_thread(studio_of(request).faces.describe, path_of(request)))


async def crop(request: Request) -> Response:
    """A face, 128 px."""
    row = request.path_params["row"]
    jpeg = await asyncio.to_thread(studio_of(request).faces.crop, path_of(request), row)
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": FOREVER})


ROUTES = [Route("/api/faces/{id:str}", describe), Route("/api/faces/{id:str}/{revision:str}/{row:int}", crop)]
