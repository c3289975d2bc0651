"""Jobs: asked for, ordered, stopped, run again, forgotten; and their logs."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from effigie.errors import UsageError
from effigie.studio.endpoints.requests import get_studio, read_fields
from effigie.studio.jobs.commands import build_command
from effigie.studio.jobs.job import Job


async def ask(request: Request) -> Response:
    """A new job: ``{"key": chosen by the page, "kind": of COMMANDS, "fields": {...}}``; sent twice, it is one job."""
    studio, message = get_studio(request), await read_fields(request)
    key, kind, fields = message.get("key"), message.get("kind"), message.get("fields")
    if not isinstance(key, str) or not 8 <= len(key) <= 64 or not isinstance(kind, str) or not isinstance(fields, dict):
        raise UsageError("a job has a key of 8 to 64 letters, a kind and fields")
    job = studio.jobs.find_by_key(key)
    if job is None:
        job = studio.jobs.add(await asyncio.to_thread(build_command, studio.workspace, kind, fields), key)
    return _answer(job)


async def change(request: Request) -> Response:
    """``stop``, ``again``, ``up``, ``down`` or ``remove`` of a job."""
    jobs, job_id, action = get_studio(request).jobs, request.path_params["id"], request.path_params["what"]
    if action == "remove":
        await asyncio.to_thread(jobs.remove, job_id)
        return JSONResponse({})
    changes = {
        "stop": lambda: jobs.cancel(job_id),
        "again": lambda: jobs.run_again(job_id),
        "up": lambda: jobs.move(job_id, -1),
        "down": lambda: jobs.move(job_id, 1),
    }
    if action not in changes:
        raise UsageError(f"a job cannot {action}: stop, again, up, down or remove")
    return _answer(await asyncio.to_thread(changes[action]))


async def read_log(request: Request) -> Response:
    return PlainTextResponse(await asyncio.to_thread(get_studio(request).jobs.log, request.path_params["id"]))


def _answer(job: Job) -> Response:
    return JSONResponse({"id": job.id, "state": job.state, "command": job.command})


ROUTES = [
    Route("/api/jobs", ask, methods=["POST"]),
    Route("/api/jobs/{id:str}/log", read_log),
    Route("/api/jobs/{id:str}/{what:str}", change, methods=["POST"]),
]
