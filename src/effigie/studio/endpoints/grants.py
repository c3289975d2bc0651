"""Grants at the camera: terms to read, a challenge to follow, and the clip that answers it."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from effigie.studio.endpoints.requests import announced_size, get_studio, read_fields
from effigie.studio.grants import MAX_CLIP_BYTES, choose_clip, describe_terms, draw_challenge, load_terms
from effigie.studio.uploads import receive_file


async def show_terms(request: Request) -> Response:
    """What a request, or a record, asks: ``{"request": id}`` or ``{"record": id}``."""
    workspace, fields = get_studio(request).workspace, await read_fields(request)
    terms = await asyncio.to_thread(load_terms, workspace, fields)
    return JSONResponse(describe_terms(terms))


async def draw(request: Request) -> Response:
    """A fresh challenge; fields as for the terms, and ``sound``: whether a sentence is to be read."""
    workspace, fields = get_studio(request).workspace, await read_fields(request)
    sound = fields.get("sound") is True
    challenge = await asyncio.to_thread(lambda: draw_challenge(workspace, load_terms(workspace, fields), sound))
    return JSONResponse(challenge)


async def take_clip(request: Request) -> Response:
    """The clip, as the browser recorded it; sent again, it takes the place of the one before."""
    workspace, nonce = get_studio(request).workspace, request.path_params["nonce"]
    path = choose_clip(workspace, nonce, request.headers.get("content-type", ""))
    received = await receive_file(request.stream(), path, announced_size(request), MAX_CLIP_BYTES)
    return JSONResponse({"bytes": received})


ROUTES = [
    Route("/api/grants/terms", show_terms, methods=["POST"]),
    Route("/api/grants", draw, methods=["POST"]),
    Route("/api/grants/{nonce:str}/clip", take_clip, methods=["PUT"]),
]
