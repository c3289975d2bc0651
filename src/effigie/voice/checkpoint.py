"""Loads voices."""

from __future__ import annotations

from pathlib import Path

from effigie.consent.gate import ConsentLike, permit_stock_voice
from effigie.errors import UsageError
from effigie.progress import ProgressCallback, ignore_progress
from effigie.voice.pretrained import load_speech_network
from effigie.voice.stock_voices import STOCK_VOICES, load_stock_voice
from effigie.voice.voice_model import VoiceModel


def load_voice(
    voice: str | Path | VoiceModel,
    *,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
) -> VoiceModel:
    """A stock voice by its name, or the voice itself.

    Raises:
        UsageError: no stock voice's name.
    """
    if isinstance(voice, VoiceModel):
        return voice
    if str(voice) not in STOCK_VOICES:
        raise UsageError(f"{voice} is no stock voice: choose of {', '.join(STOCK_VOICES)}")
    network, base = load_speech_network(progress), load_stock_voice(str(voice))
    return VoiceModel(base.name, network, network.decoder, base, permit_stock_voice(base.name))
