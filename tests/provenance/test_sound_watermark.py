"""Tests of the mark in sound: what it withstands, what it leaves alone, and that unmarked sound has none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import resample_poly
from speech_like import speech_like

from effigie.provenance.sound_watermark import SoundMarker, detect
from effigie.provenance.sound_watermark.pattern import BANDS, SLOTS, layout
from effigie.provenance.sound_watermark.spectrum import RATE, resample
from effigie.provenance.watermark.payload import SYMBOL_COUNT, encode

ID = 0xC0FFEE123456
MAKING_RATE = 24000


def marked(samples, rate=MAKING_RATE, block=7001):
    marker = SoundMarker(ID, rate, len(samples))
    parts = [marker.write(samples[:, start : start + block]) for start in range(0, samples.shape[1], block)]
    return np.concatenate([*parts, marker.finalize()], axis=1)


@pytest.fixture(scope="module")
def plain():
    return speech_like(12.0, MAKING_RATE)


@pytest.fixture(scope="module")
def output(plain):
    return marked(plain[None])[0]


def found_in(samples, rate=MAKING_RATE):
    found = detect(resample(np.asarray(samples, np.float32), rate))
    return None if found is None else found.id


def test_blocks_of_any_size_give_the_same(plain, output):
    assert output.shape == plain.shape
    assert np.array_equal(marked(plain[None], block=100_000)[0], output)
    assert np.array_equal(marked(plain[None], block=353)[0], output)


def test_it_is_far_below_the_sound(plain, output):
    ratio = 10 * np.log10(np.sum(plain**2) / np.sum((output - plain) ** 2))
    assert ratio > 18
    assert np.array_equal(marked(np.zeros((1, 60_000), np.float32)), np.zeros((1, 60_000), np.float32))


def test_the_id_is_read(plain, output):
    assert found_in(output) == ID
    assert detect(resample(plain, MAKING_RATE), any_speed=False) is None


def test_the_id_is_read_from_a_part(output):
    assert found_in(output[50_003 : 50_003 + 5 * MAKING_RATE]) == ID


@pytest.mark.slow
@pytest.mark.parametrize("change", [0.97, 1.03])
def test_the_id_is_read_at_another_speed(output, change):
    found = detect(resample(resample_poly(output, 100, round(100 * change)).astype(np.float32), MAKING_RATE))
    assert found is not None and found.id == ID
    assert abs(found.speed - change) < 0.005 and "%" in found.edits[0]


def test_the_id_is_read_after_telephone_gain_and_noise(output):
    telephone = resample_poly(resample_poly(output, 1, 3), 3, 1)
    assert found_in(0.2 * telephone) == ID
    noise = np.random.default_rng(0).standard_normal(len(output))
    assert found_in(output + noise * np.sqrt(np.mean(output**2) / 10**2.5)) == ID


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_every_rate_and_stereo(plain, rate):
    sound = resample(plain, MAKING_RATE, rate)
    both = marked(np.stack([sound, 0.5 * sound]), rate)
    assert both.shape == (2, len(sound))
    assert found_in(both.mean(axis=0), rate) == ID
    assert np.allclose(both[1], 0.5 * both[0], atol=1e-5)


@pytest.mark.slow
def test_no_mark_in_what_has_none():
    """The bound says less than one in 10^10; this says that nothing in the code is grossly wrong."""
    chance = np.random.default_rng(1)
    assert detect(speech_like(4.0, RATE, seed=3)) is None
    for sound in (
        chance.standard_normal(4 * RATE).astype(np.float32),
        np.sin(np.arange(4 * RATE) * 0.1).astype(np.float32),
        np.sign(chance.standard_normal(4 * RATE)).astype(np.float32),
    ):
        assert detect(sound, any_speed=False) is None


@pytest.mark.parametrize("count", [0, 1, 1000, RATE])
def test_short_and_silent_sound_has_no_mark(count):
    assert detect(np.zeros(count, np.float32)) is None
    assert detect(speech_like(1.0, RATE)[:count], any_speed=False) is None


def test_the_layout_carries_every_symbol_twice_and_known_ones():
    cells = layout()
    assert len(set(cells.low) | set(cells.high) | set(cells.pilots)) == BANDS * SLOTS
    assert len(cells.pilots) == BANDS * SLOTS - 2 * SYMBOL_COUNT
    symbols = encode(ID)
    low, high = cells.collect(cells.render(symbols))
    assert np.array_equal(low, symbols) and np.array_equal(high, symbols)
