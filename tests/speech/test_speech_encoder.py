"""Tests of the encoder: lengths, windows, and that windows of a long sound join."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.media.sound.reader import Sound
from effigie.speech import encode
from effigie.speech.encoder import split_windows
from effigie.speech.spectrogram import RATE


def test_windows_cover_every_frame_once() -> None:
    for seconds in (0.01, 3.0, 29.99, 30.0, 30.01, 95.5):
        samples = np.arange(round(seconds * RATE), dtype=np.float32)
        position, covered = 0, 0
        for window, skipped, kept in split_windows(
            samples[start : start + 999] for start in range(0, len(samples), 999)
        ):
            assert len(window) <= 30 * RATE and kept > 0
            position = int(window[0])  # samples are their own numbers
            assert position + skipped * 320 == covered * 320
            covered += kept
        assert covered == -(-len(samples) // 320)


@pytest.mark.slow
def test_features_are_fifty_a_second_and_those_of_windows_that_join() -> None:
    random = np.random.default_rng(3)
    envelope = np.repeat(random.uniform(0, 1, 170), RATE // 5)
    tone = np.sin(2 * np.pi * 150 * np.arange(34 * RATE) / RATE) + 0.3 * random.normal(size=34 * RATE)
    samples = (0.2 * envelope * tone).astype(np.float32)
    whole = encode(Sound(samples[None], RATE))
    assert whole.shape == (34 * 50, 512) and whole.dtype == np.float32
    first, second = encode(Sound(samples[None, : 30 * RATE], RATE)), encode(Sound(samples[None, 26 * RATE :], RATE))
    assert np.allclose(whole[:1400], first[:1400], atol=1e-4)  # windows start at 0 and at 26 s, each kept where it
    assert np.allclose(whole[1400:], second[100:], atol=1e-4)  # has two seconds on both sides
    assert encode(Sound(np.zeros((1, 0), np.float32), RATE)).shape == (0, 512)
