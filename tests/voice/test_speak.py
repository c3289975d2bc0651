"""Speaking: signed files, exact times, streaming; a voice without consent is nobody's or refused."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import effigie
from effigie.errors import CancelledError, UsageError
from effigie.media.sound.reader import read_sound
from effigie.progress import CancelToken
from effigie.speech.activity import find_speech
from effigie.speech.f0 import measure_f0
from effigie.voice import SpeakSettings, load_voice, speak, stream_speech
from effigie.voice.inference.speak import read_paragraphs
from effigie.voice.inference.speech import limit_peaks
from effigie.voice.melody import Melody, carry_over

TEXT = "Stop. A copper kettle."


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> effigie.voice.SpeakReport:
    return speak("kumo", TEXT, tmp_path_factory.mktemp("spoken") / "out.wav", times=True)


@pytest.mark.slow
def test_a_text_becomes_a_signed_file(spoken: effigie.voice.SpeakReport) -> None:
    sound = read_sound(spoken.output, 24000)
    assert sound.duration == pytest.approx(spoken.duration_s, abs=0.01) and spoken.sentences == 2
    assert 0.1 < np.abs(sound.samples).max() < 0.99
    verdict = effigie.verify(spoken.output)
    assert spoken.output_id in json.dumps([str(line) for line in verdict.lines])


@pytest.mark.slow
def test_phonemes_are_where_they_are_said(spoken: effigie.voice.SpeakReport) -> None:
    assert "".join(one.symbol for one in spoken.phonemes) == "stˈɑp.ɐ kˈɑpəɹ kˈɛɾᵊl."
    starts = [one.start_s for one in spoken.phonemes]
    assert starts == sorted(starts) and [word.text for word in spoken.words] == ["Stop", "A", "copper", "kettle"]
    sound = read_sound(spoken.output, 24000).mono()
    level = np.sqrt(np.convolve(sound**2, np.ones(240) / 240, "same"))
    for before, stop, _ in zip(spoken.phonemes, spoken.phonemes[1:], spoken.phonemes[2:], strict=False):
        if before.symbol == "ɑ" and stop.symbol == "p":  # the lips shut within 40 ms of its beginning
            around = np.arange(round((stop.start_s - 0.1) * 24000), round((stop.start_s + 0.1) * 24000), 24)
            falls = np.log(level[around[5:]] + 1e-4) - np.log(level[around[:-5]] + 1e-4)
            assert abs((around[int(falls.argmin())] + 60) / 24000 - stop.start_s) < 0.04
    (start, _), *_, (_, end) = find_speech(sound, 24000)
    assert abs(start - spoken.words[0].start_s) < 0.15 and abs(end - spoken.words[-1].end_s) < 0.35


@pytest.mark.slow
def test_speed_pitch_and_pauses_are_the_users() -> None:
    voice = load_voice("kumo")
    plain, changed = (
        next(stream_speech(voice, "Nobody ever knew her real name.", settings))
        for settings in (SpeakSettings(pauses=0), SpeakSettings(pauses=0, speed=0.7, semitones=5))
    )
    assert changed.sound.duration > 1.15 * plain.sound.duration
    low, high = (np.median(f0[f0 > 0]) for f0 in (measure_f0(one.sound.samples, 24000) for one in (plain, changed)))
    assert high / low == pytest.approx(2 ** (5 / 12), rel=0.08)


@pytest.mark.slow
def test_an_endless_text_is_spoken_as_it_comes() -> None:
    endless = ("Papa." for _ in iter(int, 1))
    first, second = islice(stream_speech(load_voice("alpha"), endless), 2)
    assert second.start_s == pytest.approx(first.sound.duration) and second.phonemes[0].start_s > second.start_s
    stopped = CancelToken()
    stopped.set()
    with pytest.raises(CancelledError):
        next(stream_speech(load_voice("alpha"), "Papa.", cancel=stopped))


def test_what_cannot_be_spoken_leaves_nothing(tmp_path: Path) -> None:
    for voice, text, output, words in (
        ("kumo", "☺ ☺", "a.wav", "nothing that can be said"),
        ("nobody", "Papa.", "a.wav", "nor a stock voice"),
        ("kumo", "Papa.", "a.txt", "cannot be written"),
    ):
        with pytest.raises(UsageError, match=words):
            speak(voice, text, tmp_path / output)
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="speed"):
        SpeakSettings(speed=3)


def test_paragraphs_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\ufeffOne\nline.\n\n\nTwo.\n", encoding="utf-8")
    assert list(read_paragraphs(path)) == ["One line.", "Two."]
    path.write_bytes(b"\xff\xfe\x00o")
    with pytest.raises(UsageError, match="no text"):
        list(read_paragraphs(path))


def test_a_melody_is_carried_over() -> None:
    f0 = np.array([0, 100, 120, 140, 0, 90], np.float32)
    source = Melody.measure(f0)
    assert source is not None and Melody.measure(np.zeros(3)) is None
    moved = carry_over(f0, source, Melody(float(np.log(200)), source.spread), keep=1.0)
    assert (moved > 0).tolist() == (f0 > 0).tolist()
    voiced = f0 > 0
    np.testing.assert_allclose(np.diff(np.log(moved[voiced])), np.diff(np.log(f0[voiced])), atol=1e-5)
    assert np.exp(np.log(moved[voiced]).mean()) == pytest.approx(200, rel=1e-4)


def test_peaks_are_rounded_off() -> None:
    samples = np.linspace(-3, 3, 601, dtype=np.float32)
    limited = limit_peaks(samples)
    assert np.abs(limited).max() <= 0.97 and (np.diff(limited) >= 0).all()
    quiet = np.abs(samples) < 0.7
    np.testing.assert_array_equal(limited[quiet], samples[quiet])
