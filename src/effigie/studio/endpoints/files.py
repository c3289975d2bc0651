"""Files as they are, for players and pictures: only kinds that a browser shows and that run nothing."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from effigie.errors import UsageError
from effigie.studio.endpoints.requests import get_studio, resolve_path

# No SVG and no HTML: they could run scripts in the studio's name.
TYPES = {
    ".mp4": "video/mp4",
    ".mov": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
MAX_WIDTH = 4096


async def send_file(request: Request) -> Response:
    """A whole file, or the part of it that a player asks for."""
    path = resolve_path(request)
    kind = TYPES.get(path.suffix.lower())
    if kind is None or not path.is_file():
        raise UsageError(f"{path.name} cannot be shown as it is: the viewer shows its frames")
    return FileResponse(path, media_type=kind, headers={"cache-control": "private, no-cache"})


async def send_frame(request: Request) -> Response:
    """Frame n of a clip, for a page without a socket and for downloads of a still."""
    picture = await asyncio.to_thread(
        get_studio(request).frames.picture, resolve_path(request), request.path_params["n"], MAX_WIDTH
    )
    return Response(picture.jpeg, media_type="image/jpeg")


ROUTES = [Route("/api/files/{id:str}", send_file), Route("/api/frames/{id:str}/{n:int}", send_frame)]
