"""Analysis of recordings: where speech is, its fundamental frequency, and what stands against using it."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.speech.activity import find_speech
from effigie.speech.f0 import measure_f0
from effigie.speech.mel import compute_cepstra, compute_log_mel, measure_energy
from effigie.speech.quality import measure_quality
from effigie.speech.time_warp import warp

RATE = 24000


def make_vowel(f0: np.ndarray, rate: int = RATE) -> np.ndarray:
    """(n,) a vowel with formants at 700, 1200 and 2600 Hz, sung along (n,) Hz."""
    phase = 2 * np.pi * np.cumsum(f0) / rate
    sound = np.zeros(len(f0))
    for harmonic in range(1, 40):
        frequency = harmonic * f0
        gain = sum(1 / (1 + ((frequency - center) / 90) ** 2) for center in (700, 1200, 2600))
        sound += np.where(frequency < rate / 2, gain * np.sin(harmonic * phase), 0)
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize("pitch", [90.0, 150.0, 320.0])
def test_fundamental_frequency(pitch: float) -> None:
    glide = pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.8 * np.arange(2 * RATE) / RATE))
    sound = np.concatenate([np.zeros(RATE // 2, np.float32), make_vowel(glide), np.zeros(RATE // 2, np.float32)])
    f0 = measure_f0(sound, RATE, 80.0)
    assert len(f0) == 240 and not f0[:36].any() and not f0[206:].any()
    inside = np.arange(50, 190)
    assert (f0[inside] > 0).all()
    assert np.abs(f0[inside] / glide[((inside - 40) * RATE // 80)] - 1).mean() < 0.02


def test_speech_is_found_where_it_is(sample_speech: np.ndarray) -> None:
    quiet = np.zeros(RATE, np.float32)
    stretches = find_speech(np.concatenate([quiet, sample_speech, quiet, quiet]), RATE)
    end = 1 + len(sample_speech) / RATE
    assert 0.7 < stretches[0][0] < 1.8 and stretches[-1][1] < end + 0.3
    assert not find_speech(0.05 * np.random.default_rng(1).standard_normal(2 * RATE).astype(np.float32), RATE)


def test_defects_are_told(sample_speech: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    quiet = 1e-4 * rng.standard_normal(RATE).astype(np.float32)
    speech = np.concatenate([quiet, sample_speech, quiet])
    assert not any("clipped" in one or "noise" in one for one in measure_quality(speech).advice)
    told = {
        "clipped": np.clip(40 * speech, -1, 1),
        "above the noise": speech
        + np.float32(0.25 * speech.std()) * rng.standard_normal(len(speech)).astype(np.float32),
        "very quiet": speech * 1e-3 / max(1e-9, speech.std()),
        "no speech": quiet,
    }
    for words, sound in told.items():
        assert any(words in one for one in measure_quality(sound).advice), words


def test_a_telephone_is_told(sample_speech: np.ndarray) -> None:
    from scipy.signal import butter, sosfiltfilt

    narrow = sosfiltfilt(butter(12, 3400, fs=RATE, output="sos"), sample_speech).astype(np.float32)
    assert measure_quality(sample_speech).bandwidth_hz > 5000 > measure_quality(narrow).bandwidth_hz
    assert any("telephone" in one for one in measure_quality(narrow).advice)


def test_a_warped_sequence_is_laid_over_the_other() -> None:
    steps = np.cumsum(np.random.default_rng(3).standard_normal((60, 6)), axis=0).astype(np.float32)
    slow = np.repeat(steps, 2, axis=0)[10:]
    path, cost = warp(steps, slow)
    assert cost < 0.1 * np.linalg.norm(steps[:30] - steps[30:], axis=1).mean()
    middle = path[(path[:, 0] > 10) & (path[:, 0] < 55)]
    assert np.abs(2 * middle[:, 0] - 10 - middle[:, 1]).max() <= 2
    assert (np.diff(path, axis=0) >= 0).all() and tuple(path[0]) == (0, 0) and tuple(path[-1]) == (59, 109)


def test_energy_follows_the_level() -> None:
    vowel = make_vowel(np.full(RATE, 120.0))
    difference = measure_energy(vowel) - measure_energy(vowel / 10)
    assert np.abs(difference[5:-5] - 2 * np.log(10)).max() < 0.05
    assert compute_cepstra(compute_log_mel(vowel)).shape == (81, 39)
