"""The guard in front of every request: whoever is not a page of this studio, in a browser that entered it, is refused.

A server on 127.0.0.1 is reached by every web site that the user has open. Against DNS rebinding the `Host` must be on a
list; comparing it with `Origin` would not do. Against other sites' forms, scripts and sockets, `Origin` and
`Sec-Fetch-Site` are looked at, a socket must name its origin, and what changes anything carries a header that no form
can send. Against other users of the machine there is the session's cookie.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from effigie.studio.sessions import Sessions

ENTRANCE = "/enter"
WRITE_HEADER = "x-effigie"
"""Header of every request that is not a GET or HEAD; its value is 1. Browsers send it across sites only after a
preflight request, and those are refused."""
MAX_PATH_LENGTH = 2048

RESPONSE_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
PAGE_HEADERS = RESPONSE_HEADERS | {"permissions-policy": "camera=(self), microphone=(self), geolocation=()"}
"""Of the page itself: it asks for camera and microphone where a person grants, and the browser asks the person."""
PRIVATE = "private, no-store"  # unless an answer says otherwise: what is shown is personal data


class Guard:
    """ASGI middleware that refuses strangers and puts the security headers on every answer.

    Refusals are JSON, ``{"error": line}``: 421 for another host, 403 for another origin, 401 without a session.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions, port: int) -> None:
        self._app = app
        self._sessions = sessions
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.cookie_name = f"effigie_studio_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refuse(scope, Headers(scope=scope))
        if refusal is None:
            is_page = scope["type"] == "http" and scope["path"] == "/"
            await self._app(scope, receive, _add_headers(send, PAGE_HEADERS if is_page else RESPONSE_HEADERS))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, _add_headers(send, RESPONSE_HEADERS))

    def _refuse(self, scope: Scope, headers: Headers) -> Response | None:
        """The refusal of a request, or None."""
        host = headers.getlist("host")
        if len(host) != 1 or host[0].lower() not in self._hosts:
            return _refusal(421, "this is the studio of another machine: open the address that its terminal shows")
        if len(scope["path"]) > MAX_PATH_LENGTH:
            return _refusal(414, "the address is too long")
        is_entrance = scope["path"] == ENTRANCE and scope["type"] == "http" and scope["method"] == "GET"
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host[0].lower()}":
            return _refusal(403, "a page of another site asked for it")
        # The page that opens the browser is a file: its link is cross-site, and carries a token.
        if not is_entrance and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return _refusal(403, "a page of another site asked for it")
        if scope["type"] == "websocket" and origin is None:
            return _refusal(403, "a socket must say which page it belongs to")
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD") and headers.get(WRITE_HEADER) != "1":
            return _refusal(403, f"the header {WRITE_HEADER} is missing: only the studio's own pages change anything")
        if not is_entrance and not self._sessions.is_valid(self._read_cookie(headers)):
            return _refusal(401, "this browser has not entered: open the address that the terminal shows")
        return None

    def _read_cookie(self, headers: Headers) -> str:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self.cookie_name)
        except CookieError:
            return ""
        return "" if cookie is None else cookie.value


def _refusal(status: int, reason: str) -> Response:
    return JSONResponse({"error": f"refused: {reason}"}, status)


def _add_headers(send: Send, headers: Mapping[str, str]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message["headers"]}
            extra = dict(headers) | ({} if b"cache-control" in names else {"cache-control": PRIVATE})
            message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in extra.items())]
        await send(message)

    return send_with_headers
