"""The web application: routes behind the guard, and the task that minds the jobs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from effigie.errors import EffigieError, RefusedError, UsageError
from effigie.studio.endpoints import (
    clips,
    compare,
    faces,
    files,
    grants,
    heads,
    jobs,
    merge,
    models,
    people,
    results,
    session,
    voices,
)
from effigie.studio.endpoints.requests import get_studio
from effigie.studio.guard import Guard
from effigie.studio.handles import UnknownIdError
from effigie.studio.live import live_route
from effigie.studio.sessions import Sessions
from effigie.studio.studio import Studio
from effigie.studio.workspace import Workspace

POLL_S = 0.25  # between two looks at the jobs
STATUS_CODES = ((UnknownIdError, 404), (UsageError, 400), (RefusedError, 403), (EffigieError, 422))


def create_app(workspace: Workspace, sessions: Sessions, port: int, announce: Callable[[], None]) -> ASGIApp:
    """The ASGI application of a workspace, for one port of 127.0.0.1."""
    studio = Studio(workspace, sessions, announce, f"effigie_studio_{port}")

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_mind_jobs(studio))
        try:
            yield
        finally:
            task.cancel()
            await studio.merges.close()
            await studio.heads.close()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    rooms = (session, people, grants, clips, faces, models, compare, merge, heads, voices, results, jobs, files)
    app = Starlette(
        routes=[*(route for room in rooms for route in room.ROUTES), live_route],
        exception_handlers={EffigieError: _explain, Exception: _explain_unforeseen},
        lifespan=lifespan,
    )
    app.state.studio = studio
    return Guard(app, sessions, port)


async def _mind_jobs(studio: Studio) -> None:
    """Start, watch and report jobs as long as the studio runs; at each stage's end there may be more in the library."""
    stages: set[tuple[str, str]] = set()
    while True:
        changed, ended_jobs = await asyncio.to_thread(studio.jobs.advance)
        rows = studio.jobs.to_json() if changed else []
        if changed:
            studio.events.send("jobs", rows, is_state=True)
        previous, stages = stages, {(row["id"], row["progress"]["stage"]) for row in rows if row["progress"]} or stages
        if ended_jobs or stages - previous:
            studio.events.send("library", [job.id for job in ended_jobs])
        await asyncio.sleep(POLL_S)


async def _explain(request: Request, error: Exception) -> Response:
    code = next(code for kind, code in STATUS_CODES if isinstance(error, kind))
    return JSONResponse({"error": get_studio(request).workspace.explain(error)}, code)


async def _explain_unforeseen(request: Request, error: Exception) -> Response:
    reason = (str(error).strip().splitlines() or ["no reason given"])[0]
    return JSONResponse({"error": f"{type(error).__name__}: {reason} (not foreseen)"}, 500)
