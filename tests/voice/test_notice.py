"""The spoken notice: said before the rest where it is asked for, or where the consent asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

import effigie
from effigie.media.sound.reader import read_sound
from effigie.provenance import TrustSettings
from effigie.speech.recognizer import recognize
from effigie.voice import SpeakSettings, speak
from effigie.voice.inference.notice import PAUSE_S, speak_notice


@pytest.mark.slow
def test_a_notice_is_spoken_first_and_all_times_are_later(tmp_path: Path) -> None:
    settings = SpeakSettings(trust=TrustSettings(label="first-seconds"))
    noted = speak("kumo", "Papa.", tmp_path / "noted.wav", settings, times=True)
    plain = speak("kumo", "Papa.", tmp_path / "plain.wav", times=True)
    later = noted.duration_s - plain.duration_s
    assert 2 < later < 4
    assert noted.phonemes[0].start_s - plain.phonemes[0].start_s == pytest.approx(later)
    assert noted.words[0].start_s - plain.words[0].start_s == pytest.approx(later)
    said = " ".join(word.text.lower() for word in recognize(read_sound(noted.output, 24000)))
    assert "voice is ai generated" in said.replace("-", " ")  # by the processor, too, how it is written
    assert effigie.verify(noted.output).verdict == "made-by-effigie"


def test_no_notice_and_one_of_other_words() -> None:
    assert speak_notice(TrustSettings()).shape == (1, 0)
    short = speak_notice(TrustSettings(label="corner", label_text="A machine."))
    assert PAUSE_S + 0.3 < short.shape[1] / 24000 < 3 and abs(short[0, -1000:]).max() == 0
