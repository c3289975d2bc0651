"""Speaks in the voice of a person who consented, or in a stock voice that is nobody's.

Example::

    import effigie

    report = effigie.voice.speak("willow", "The birch canoe slid on the smooth planks.", "out.wav", times=True)
    for word in report.words:
        print(word.start_s, word.end_s, word.text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from effigie.voice.checkpoint import describe_voice, load_voice
    from effigie.voice.config import LearnSettings, SpeakSettings, VoiceConvertSettings
    from effigie.voice.inference.conversion import VoiceConvertReport, convert
    from effigie.voice.inference.speak import SpeakReport, speak
    from effigie.voice.inference.speech import Speech, TimedPhoneme, TimedWord, stream_speech
    from effigie.voice.review import RecordingReview, VoiceReview, review
    from effigie.voice.stock_names import STOCK_VOICES
    from effigie.voice.trainer import LearnReport, learn
    from effigie.voice.voice_model import VoiceModel

__all__ = [
    "STOCK_VOICES",
    "LearnReport",
    "LearnSettings",
    "RecordingReview",
    "SpeakReport",
    "SpeakSettings",
    "Speech",
    "TimedPhoneme",
    "TimedWord",
    "VoiceConvertReport",
    "VoiceConvertSettings",
    "VoiceModel",
    "VoiceReview",
    "convert",
    "describe_voice",
    "learn",
    "load_voice",
    "review",
    "speak",
    "stream_speech",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checkpoint": ["describe_voice", "load_voice"],
        "config": ["LearnSettings", "SpeakSettings", "VoiceConvertSettings"],
        "inference.conversion": ["VoiceConvertReport", "convert"],
        "inference.speak": ["SpeakReport", "speak"],
        "inference.speech": ["Speech", "TimedPhoneme", "TimedWord", "stream_speech"],
        "review": ["RecordingReview", "VoiceReview", "review"],
        "stock_names": ["STOCK_VOICES"],
        "trainer": ["LearnReport", "learn"],
        "voice_model": ["VoiceModel"],
    },
)
