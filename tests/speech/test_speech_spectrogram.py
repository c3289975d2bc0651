"""Tests of the log-mel spectrogram: a tone is where it should be, silence is at the floor."""

from __future__ import annotations

import numpy as np

from effigie.speech.spectrogram import RATE, compute_spectrogram, mel_filters, to_mono


def test_a_tone_lies_in_the_band_of_its_pitch_and_at_its_time() -> None:
    samples = np.zeros(RATE, np.float32)
    samples[8000:12000] = np.sin(2 * np.pi * 1000 * np.arange(4000) / RATE)
    found = compute_spectrogram(samples, 100)
    band = int(np.argmax(mel_filters()[:, 25]))  # 25 bins of 40 Hz
    assert found.shape == (80, 100)
    assert abs(int(found[:, 60].argmax()) - band) <= 1
    loud = np.flatnonzero(found[band] > found[band].max() - 0.25)
    assert abs(loud[0] - 50) <= 1 and abs(loud[-1] - 75) <= 1


def test_what_follows_the_sound_is_silence() -> None:
    found = compute_spectrogram(np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32), 300)
    assert found[:, 110:].max() == found.min()
    assert abs(found.max() - found.min() - 2) < 1e-5  # eight decades, in units of four


def test_channels_are_averaged_and_rates_converted() -> None:
    left = np.sin(2 * np.pi * 200 * np.arange(44100) / 44100)
    mono = to_mono(np.stack([left, left]).astype(np.float32), 44100)
    assert mono.shape == (RATE,) and mono.dtype == np.float32
    expected = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    assert np.abs(mono - expected)[100:-100].max() < 0.01


def test_the_filters_have_one_area_and_one_peak() -> None:
    filters = mel_filters()
    assert filters.shape == (80, 201) and (filters >= 0).all()
    areas = filters[40:].sum(1) * RATE / 400  # the narrow ones below fall between bins
    assert np.abs(areas - 1).max() < 0.08
