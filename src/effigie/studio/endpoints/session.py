"""The page itself, and the entrance: a one-time token becomes a cookie."""

from __future__ import annotations

import importlib.resources
import time
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from effigie.studio.endpoints.requests import get_studio
from effigie.studio.sessions import SESSION_DAYS

BUNDLE = Path(str(importlib.resources.files("effigie.studio") / "bundle"))
ANNOUNCE_INTERVAL_S = 5.0
PAGE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>effigie studio</title>{}'
# A redirect would go on in the name of the page that led here, and a strict cookie would not come along.
INSIDE = PAGE.format('<meta http-equiv="refresh" content="0;url=/">')
USED_UP = PAGE.format(
    "<p>This address was used already, or is of an earlier run: the terminal now shows a new one. An address works "
    "once, for one browser.</p>"
)


class Entrance:
    """Takes tokens; says a new address in the terminal when one was used up, at most every five seconds."""

    def __init__(self) -> None:
        self._announce_time = float("-inf")

    async def enter(self, request: Request) -> Response:
        studio = get_studio(request)
        ahead = request.headers.get("sec-purpose", request.headers.get("purpose", ""))
        secret = None if ahead else studio.sessions.redeem(request.query_params.get("token", ""))
        if secret is None:
            if not ahead and time.monotonic() - self._announce_time > ANNOUNCE_INTERVAL_S:
                self._announce_time = time.monotonic()
                studio.announce()
            return HTMLResponse(USED_UP, 401)
        response = HTMLResponse(INSIDE)
        age = 86400 * SESSION_DAYS
        response.set_cookie(studio.cookie_name, secret, max_age=age, httponly=True, samesite="strict")
        return response


async def show_page(request: Request) -> Response:
    return FileResponse(BUNDLE / "index.html", headers={"cache-control": "no-cache"})


async def show_no_icon(request: Request) -> Response:
    return Response(status_code=204, headers={"cache-control": "private, max-age=86400"})


ROUTES = [
    Route("/", show_page),
    Route("/favicon.ico", show_no_icon),
    Route("/enter", Entrance().enter),
    Mount("/static", StaticFiles(directory=BUNDLE, check_dir=False)),
]
