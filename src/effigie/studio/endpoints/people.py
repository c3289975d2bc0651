"""People and consent: records and requests, and what is locked."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from effigie.errors import UsageError
from effigie.studio.endpoints.requests import announced_size, get_studio, resolve_path
from effigie.studio.records import add_record, explain_lock, list_records, list_requests
from effigie.studio.uploads import choose_name, receive_file

MAX_RECORD_BYTES = 4 << 20


async def list_people(request: Request) -> Response:
    workspace = get_studio(request).workspace
    records, requests = await asyncio.to_thread(lambda: (list_records(workspace), list_requests(workspace)))
    return JSONResponse({"records": records, "requests": requests})


async def take_record(request: Request) -> Response:
    """A record or revocation, as the file that the person sent back."""
    studio = get_studio(request)
    path = choose_name(studio.workspace.private / "incoming", request.query_params.get("name", "record.json"))
    try:
        await receive_file(request.stream(), path, announced_size(request), MAX_RECORD_BYTES)
        record_id = await asyncio.to_thread(add_record, studio.workspace, path)
    finally:
        path.unlink(missing_ok=True)
    studio.events.send("library", [])
    return JSONResponse({"id": record_id})


async def explain(request: Request) -> Response:
    """Whether a face set or model is open for a use, or why it is locked."""
    use = request.path_params["use"]
    if use not in ("swap", "animate"):
        raise UsageError("use: swap or animate")
    explanation = await asyncio.to_thread(explain_lock, get_studio(request).workspace, resolve_path(request), use)
    return JSONResponse(explanation)


ROUTES = [
    Route("/api/people", list_people),
    Route("/api/people/record", take_record, methods=["PUT"]),
    Route("/api/locks/{id:str}/{use:str}", explain),
]
