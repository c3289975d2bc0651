"""Speaks in the voice of a person who consented, or in a stock voice that is nobody's.

Example::

    import effigie

    report = effigie.voice.speak("kumo", "The birch canoe slid on the smooth planks.", "out.wav", times=True)
    for word in report.words:
        print(word.start_s, word.end_s, word.text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from effigie.voice.checkpoint import load_voice
    from effigie.voice.config import SpeakSettings
    from effigie.voice.inference.speak import SpeakReport, speak
    from effigie.voice.inference.speech import Speech, TimedPhoneme, TimedWord, stream_speech
    from effigie.voice.stock_voices import STOCK_VOICES
    from effigie.voice.voice_model import VoiceModel

__all__ = [
    "STOCK_VOICES",
    "SpeakReport",
    "SpeakSettings",
    "Speech",
    "TimedPhoneme",
    "TimedWord",
    "VoiceModel",
    "load_voice",
    "speak",
    "stream_speech",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checkpoint": ["load_voice"],
        "config": ["SpeakSettings"],
        "inference.speak": ["SpeakReport", "speak"],
        "inference.speech": ["Speech", "TimedPhoneme", "TimedWord", "stream_speech"],
        "stock_voices": ["STOCK_VOICES"],
        "voice_model": ["VoiceModel"],
    },
)
