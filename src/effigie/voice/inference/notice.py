"""The spoken notice: a sentence before made speech that says what it is."""

from __future__ import annotations

import numpy as np

from effigie.provenance.config import TrustSettings
from effigie.voice.checkpoint import load_voice
from effigie.voice.config import SpeakSettings
from effigie.voice.inference.speech import stream_speech
from effigie.voice.network.generator import RATE

TEXT = "This voice is AI generated."
VOICE = "rowan"  # a stock voice, of nobody: who hears it hears that somebody else is speaking
PAUSE_S = 0.5  # before what follows


def speak_notice(settings: TrustSettings) -> np.ndarray:
    """(1, n) samples of 24 kHz: the notice with a pause; none where it is off.

    Args:
        settings: of the output's record, which switches the notice on where the consent asks for it.
    """
    if settings.label == "off":
        return np.zeros((1, 0), np.float32)
    pieces = [
        one.sound.samples for one in stream_speech(load_voice(VOICE), settings.label_text or TEXT, SpeakSettings())
    ]
    return np.concatenate([*pieces, np.zeros((1, round(PAUSE_S * RATE)), np.float32)], axis=1)
