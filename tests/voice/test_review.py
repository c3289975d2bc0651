"""Tests of the review of recordings: what is heard in them, what they lack, the sheet."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from effigie.errors import MediaError, ModelError, UsageError
from effigie.media.sound.writer import SoundWriter
from effigie.voice import load_voice, review, stream_speech
from effigie.voice.review.sheet import draw_review_sheet

pytestmark = pytest.mark.slow

RATE = 24000


def write(path: Path, samples: np.ndarray) -> Path:
    with SoundWriter(path, RATE, 1) as writer:
        writer.write(samples[None].astype(np.float32))
    return path


@pytest.fixture(scope="module")
def said() -> np.ndarray:
    text = "The birch canoe slid on the smooth planks."
    sound = np.concatenate([one.sound.samples[0] for one in stream_speech(load_voice("kumo"), text)])
    return np.concatenate([np.zeros(RATE // 2, np.float32), sound, np.zeros(RATE // 2, np.float32)])


def test_words_melody_and_what_is_missing(said, tmp_path):
    found = review(write(tmp_path / "said.flac", said))
    (one,) = found.recordings
    assert {"birch", "canoe", "smooth"} <= {word.strip(".,").lower() for word in one.words}
    assert one.sureness is not None and one.sureness > 0.6
    assert 70 < one.quality.f0_hz[0] < 200  # a man's
    assert one.phonemes["s"] >= 2 and "ʒ" in found.missing and "s" not in found.missing
    assert "a" not in found.missing  # no English text has it here
    assert any("ʒ as in measure" in line for line in found.advice)
    assert any("little to learn" in line for line in found.advice)


def test_noise_clipping_and_silence_are_told(said, tmp_path):
    noise = 0.05 * np.random.default_rng(0).normal(size=len(said))
    files = [
        write(tmp_path / "noisy.flac", said + noise),
        write(tmp_path / "clipped.flac", np.clip(8 * said, -1, 1)),
        write(tmp_path / "silent.flac", np.zeros(RATE)),
    ]
    noisy, clipped, silent = review(files).recordings
    assert any("above the noise" in line for line in noisy.advice)
    assert any("clipped" in line for line in clipped.advice)
    assert any("no speech" in line for line in silent.advice) and not silent.words


def test_the_sheet_shows_speech_where_it_is(said, tmp_path):
    found = review([write(tmp_path / "said.flac", said)])
    draw_review_sheet(tmp_path / "sheet.png", found)
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture is not None and picture.shape[1] == 1000
    spectrum = picture[40:240].mean((0, 2))
    assert spectrum[300:600].mean() > 1.5 * spectrum[:100].mean()  # half a second of silence first
    draw_review_sheet(tmp_path / "silent.png", review([write(tmp_path / "silent.flac", np.zeros(RATE))]))
    assert cv2.imread(str(tmp_path / "silent.png"))[40:240].mean() < 40


def test_on_the_command_line(said, tmp_path, here):
    path = write(tmp_path / "said.flac", said)
    ended = here("voice", "review", path, "--json", "--sheet", tmp_path / "sheet.png")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["recordings"][0]["quality"]["speech_s"] > 1 and (tmp_path / "sheet.png").is_file()
    assert here("voice", "review", path, "--sheet", tmp_path / "sheet.jpg").code == 2


def test_what_is_no_recording_gets_one_line(tmp_path):
    with pytest.raises(UsageError, match="name recordings"):
        review([])
    with pytest.raises(MediaError):
        review(tmp_path / "missing.wav")
    with pytest.raises(ModelError):
        review(tmp_path)
