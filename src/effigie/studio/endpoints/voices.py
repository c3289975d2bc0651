"""Voices: what there is, fresh sentences to be read, and what sounds look like."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from effigie.studio.endpoints.requests import get_studio, read_fields, resolve_path
from effigie.studio.readings import draw_sentence, list_answers
from effigie.studio.studio import Studio
from effigie.studio.voices import describe_consents, list_reviews
from effigie.voice.config import SpeakSettings, VoiceConvertSettings
from effigie.voice.stock_names import STOCK_VOICES


async def list_voices(request: Request) -> Response:
    return JSONResponse(await asyncio.to_thread(_list, get_studio(request)))


async def draw(request: Request) -> Response:
    """A fresh sentence for the person of ``record``."""
    workspace, fields = get_studio(request).workspace, await read_fields(request)
    return JSONResponse(await asyncio.to_thread(draw_sentence, workspace, fields.get("record")))


async def view(request: Request) -> Response:
    """Figures of a sound's first minute, and its pitch over time."""
    stored_view = await asyncio.to_thread(get_studio(request).sounds.read, resolve_path(request))
    return JSONResponse(stored_view.figures)


async def spectrogram(request: Request) -> Response:
    stored_view = await asyncio.to_thread(get_studio(request).sounds.read, resolve_path(request))
    return Response(stored_view.spectrogram, media_type="image/png")


def _list(studio: Studio) -> dict[str, Any]:
    rows = []
    for path, row in studio.library.voices():
        consents = describe_consents(studio.workspace, path, row.get("consents", []))
        rows.append({**row, "consents": consents})
    return {
        "voices": rows,
        "stock": [{"name": name, "kind": kind} for name, kind in STOCK_VOICES.items()],
        "likeness": {"speak": SpeakSettings.likeness, "convert": VoiceConvertSettings.likeness},
        "answers": list_answers(studio.workspace),
        "reviews": list_reviews(studio.workspace, studio.jobs.answers(("voice", "review"))),
    }


ROUTES = [
    Route("/api/voices", list_voices),
    Route("/api/voices/sentence", draw, methods=["POST"]),
    Route("/api/sounds/{id:str}", view),
    Route("/api/sounds/{id:str}/spectrogram", spectrogram),
]
