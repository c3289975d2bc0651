"""What every endpoint reads of a request: the studio, a small JSON body, an id, a file that streams in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request

from effigie.errors import UsageError
from effigie.io.atomic_write import parse_json
from effigie.studio.studio import Studio

MAX_BODY_BYTES = 1 << 16


def get_studio(request: Request) -> Studio:
    """The running studio."""
    studio: Studio = request.app.state.studio
    return studio


def resolve_path(request: Request) -> Path:
    """The file that the id in the address stands for."""
    return get_studio(request).workspace.handles.resolve(request.path_params["id"])


async def read_fields(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        UsageError: larger than 64 KiB, or no JSON object.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise UsageError("the request is too large")
    try:
        fields = parse_json(body.decode("utf-8"))
    except ValueError:
        raise UsageError("the request is no JSON") from None
    if not isinstance(fields, dict):
        raise UsageError("the request is no JSON object")
    return fields


def announced_size(request: Request) -> int | None:
    """Bytes of the body, as the request says; None where it does not."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
