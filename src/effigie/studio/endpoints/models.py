"""Models: the curve and the previews that training writes."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from effigie.studio.endpoints.requests import get_studio, resolve_path
from effigie.studio.views.training_view import describe_training


async def describe(request: Request) -> Response:
    handles = get_studio(request).workspace.handles
    return JSONResponse(await asyncio.to_thread(describe_training, resolve_path(request), handles))


ROUTES = [Route("/api/models/{id:str}", describe)]
