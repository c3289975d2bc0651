"""Tests of the recognizer: windows, silence, and words of footage where there is some."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from effigie.errors import UsageError
from effigie.media.sound.reader import Sound, read_sound
from effigie.speech import recognize
from effigie.speech.recognizer import find_loud, split_windows
from effigie.speech.spectrogram import RATE

GRID = Path(__file__).parents[3] / "shared" / "data" / "clips_grid" / "grid_s31__lbwo3s.mpg"


def test_windows_join_to_the_sound_and_end_where_it_is_quiet() -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, 70 * RATE).astype(np.float32)
    samples[25 * RATE : 25 * RATE + RATE // 2] = 0
    windows = list(split_windows(samples[start : start + 7000] for start in range(0, len(samples), 7000)))
    assert np.array_equal(np.concatenate([window for _, window in windows]), samples)
    assert all(start + len(window) == following for (start, window), (following, _) in pairwise(windows))
    assert max(len(window) for _, window in windows) <= 29.5 * RATE
    assert 25 * RATE < windows[1][0] < 25.5 * RATE


def test_nothing_is_said_in_silence_or_in_no_sound() -> None:
    assert recognize(Sound(np.zeros((1, 3 * RATE), np.float32), RATE)) == []
    assert recognize(Sound(np.zeros((2, 0), np.float32), 48000)) == []


def test_loud_stretches_are_found() -> None:
    samples = np.full(RATE, 1e-5, np.float32)
    samples[4800:8000] = 0.1
    assert np.array_equal(np.flatnonzero(find_loud(samples)), np.arange(30, 50))


@pytest.mark.slow
@pytest.mark.skipif(not GRID.is_file(), reason="needs ../shared/data")
def test_words_of_a_talker_come_with_their_times() -> None:
    sound = read_sound(GRID, RATE)
    words = recognize(sound)
    said = [word.text.lower().strip(".,") for word in words]
    assert said[0] == "lay" and said[1] == "blue" and said[2] == "with" and "soon" in said
    assert all(0 <= word.start_s <= word.end_s <= sound.duration + 0.1 for word in words)
    assert all(first.end_s <= second.start_s + 1e-6 for first, second in pairwise(words))
    later = recognize(Sound(np.pad(sound.mono(), (RATE, 0))[None], RATE))
    blue, moved = words[1], later[[word.text for word in later].index("blue")]
    assert abs(moved.start_s - blue.start_s - 1) < 0.15


@pytest.mark.slow
def test_an_unknown_language_is_refused() -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, (1, RATE)).astype(np.float32)
    with pytest.raises(UsageError, match="no language 'tlh'"):
        recognize(Sound(noise, RATE), language="tlh")
