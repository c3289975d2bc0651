"""Tests of how a sound is fitted into a clip, and of what is heard then."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.dubbing.fit import FASTEST, LEAST_PAUSE_S, SLOWEST, fit_sound
from effigie.dubbing.sound import SpeechText, change_tempo, stream_fitted
from effigie.media.sound.reader import Sound
from effigie.progress import CancelToken

PHRASES = [(0.5, 2.5), (3.5, 5.0), (5.8, 7.8)]  # of a sound of 8.4 s
LENGTH = 8.4


def tone(seconds, rate=16000, hertz=220.0):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate, dtype=np.float32)


def test_what_fits_stays_as_it_is():
    fit = fit_sound(PHRASES, LENGTH, 1.0, 9.0, "shorten")
    assert not fit.is_changed and fit.over_s == pytest.approx(-0.6)
    assert fit.map_time(2.0) == pytest.approx(3.0)


def test_pauses_give_way_before_speech_does():
    fit = fit_sound(PHRASES, LENGTH, 0.0, 8.0, "shorten")
    assert fit.over_s == pytest.approx(0, abs=1e-9) and fit.tempo == pytest.approx(1)
    assert all(piece.length_s == piece.own_s for piece in fit.pieces if piece.is_speech)
    pauses = [piece for piece in fit.pieces[1:-1] if not piece.is_speech]
    assert pauses and all(LEAST_PAUSE_S <= piece.length_s < piece.own_s for piece in pauses)


def test_then_speech_is_faster_by_no_more_than_is_hardly_heard():
    fit = fit_sound(PHRASES, LENGTH, 0.0, 6.6, "shorten")
    assert 1 < fit.tempo <= FASTEST + 1e-9 and fit.over_s == pytest.approx(0, abs=1e-9)
    far = fit_sound(PHRASES, LENGTH, 0.0, 4.0, "shorten")
    assert far.tempo == pytest.approx(FASTEST) and far.over_s > 1.5
    assert fit_sound(PHRASES, LENGTH, 0.0, 4.0, "keep").over_s == pytest.approx(4.4)


def test_a_little_too_short_is_filled_when_asked_and_much_is_not():
    fit = fit_sound(PHRASES, LENGTH, 0.0, 8.9, "fill")
    assert fit.length_s == pytest.approx(8.9) and SLOWEST <= fit.tempo <= 1
    assert not fit_sound(PHRASES, LENGTH, 0.0, 20.0, "fill").is_changed


def test_times_go_with_the_pieces():
    fit = fit_sound(PHRASES, LENGTH, 0.25, 6.6, "shorten")
    times = [fit.map_time(time) for time in np.linspace(0, LENGTH, 50)]
    assert times[0] == pytest.approx(0.25) and times[-1] == pytest.approx(0.25 + 6.6)
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize(("room", "how"), [(6.6, "shorten"), (8.9, "fill"), (12.0, "shorten")])
def test_as_many_samples_as_the_clip_is_long(rate, room, how):
    said = SpeechText(Sound(tone(LENGTH, 24000)[None], 24000), ())
    fit = fit_sound(PHRASES, LENGTH, 0.0, room, how)
    samples = np.concatenate(list(stream_fitted(said, fit, rate, room, CancelToken())), axis=1)
    assert samples.shape == (1, round(room * rate)) and np.isfinite(samples).all()


def test_clicks_are_heard_when_the_fit_says():
    rate = 16000
    samples = 0.01 * tone(LENGTH)
    clicks = [1.0, 4.2, 6.5]
    for time in clicks:
        samples[round(time * rate) : round(time * rate) + 40] = 1
    fit = fit_sound(PHRASES, LENGTH, 0.3, 6.8, "shorten")
    heard = np.concatenate(
        list(stream_fitted(SpeechText(Sound(samples[None], rate), ()), fit, rate, 7.1, CancelToken())), axis=1
    )[0]
    for time in clicks:
        wanted = fit.map_time(time)
        near = heard[round((wanted - 0.1) * rate) : round((wanted + 0.1) * rate)]
        assert abs(int(np.abs(near).argmax()) / rate - 0.1) < 0.03  # a window of WSOLA


def test_tempo_changes_the_length_and_not_the_pitch():
    found = change_tempo(tone(2.0)[None], 16000, 1.08)[0]
    assert len(found) == pytest.approx(2.0 / 1.08 * 16000, rel=0.01)
    both = change_tempo(np.stack([tone(2.0), tone(2.0, hertz=330.0)]), 16000, 0.95)
    assert both.shape[0] == 2 and both.shape[1] == pytest.approx(2.0 / 0.95 * 16000, rel=0.01)
    peaks = [int(np.abs(np.fft.rfft(one[2000:18000])).argmax()) for one in both]
    assert abs(peaks[0] - 220) <= 2 and abs(peaks[1] - 330) <= 2
    spectrum = np.abs(np.fft.rfft(found[2000:18000]))
    assert abs(int(spectrum.argmax()) * 16000 / 16000 - 220) <= 2
