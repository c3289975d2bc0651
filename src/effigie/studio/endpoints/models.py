"""Models: the curve and the previews that training writes."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from effigie.studio.endpoints.requests import path_of, studio_of
from effigie.studio.views.training_view import describe_training


async def describe(request: Request) -> Response:
    handles = studio_of(request).workspace.handles
    return JSONResponse(await asyncio.to_thread(describe_training, path_of(request), handles))


ROUTES = [Route("/api/models/{id:str}", describe)]
