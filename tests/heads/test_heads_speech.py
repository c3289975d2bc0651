"""Tests of speaking faces without a network: loudness, features by blocks, gestures, shapes, drivers."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from spoken import syllables

from effigie.errors import MediaError, UsageError
from effigie.faces.mesh import eye_opening
from effigie.heads.speech.checkpoint import load_mouth, save_mouth
from effigie.heads.speech.coarticulation import read_bilabials, shut_lips
from effigie.heads.speech.config import SpeechSettings
from effigie.heads.speech.features import Reduction, gather_features, stream_features
from effigie.heads.speech.inference import bilabials
from effigie.heads.speech.inference.gestures import FLIPS, find_syllables, make_gestures
from effigie.heads.speech.inference.mouth import MouthTrack
from effigie.heads.speech.inference.shapes import SpokenShapes
from effigie.heads.speech.loudness import measure_loudness
from effigie.heads.speech.network import middle_gap
from effigie.speech.recognizer import Word
from effigie.speech.spectrogram import RATE


def test_loudness_does_not_depend_on_how_loud_it_was_recorded() -> None:
    samples = syllables((1, 2.5), (4, 5))
    loud, quiet = measure_loudness([samples]), measure_loudness([0.02 * samples])
    assert np.abs(loud.level - quiet.level)[loud.level > -70].max() < 0.1
    assert np.array_equal(loud.audible, quiet.audible)
    pieces = measure_loudness(samples[start : start + 777] for start in range(0, len(samples), 777))
    assert np.array_equal(pieces.audible, loud.audible)


def test_speech_is_where_it_sounds_and_the_mouth_moves_a_little_longer() -> None:
    found = measure_loudness([syllables((1, 2.5), (4, 5))])
    (first, last), (again, end) = found.phrases()
    assert first == pytest.approx(1, abs=0.06) and last == pytest.approx(2.5, abs=0.06)
    assert again == pytest.approx(4, abs=0.06) and end == pytest.approx(5, abs=0.06)
    assert found.activity[170] > 0.99 and found.activity[330] < 0.01 and found.activity[:50].max() < 0.01
    assert found.activity[90] > 0.5  # mouths open before they are heard


def test_silence_has_no_speech() -> None:
    assert measure_loudness([np.zeros(RATE, np.float32)]).is_silent
    assert measure_loudness([]).is_silent
    hiss = 3e-4 * np.random.default_rng(0).normal(size=2 * RATE).astype(np.float32)
    assert measure_loudness([hiss]).is_silent


def test_a_word_in_a_long_silence_is_heard() -> None:
    assert measure_loudness([syllables((30, 30.5), length=60)]).phrases()[0][0] == pytest.approx(30, abs=0.06)


def test_features_by_blocks_are_those_of_the_whole() -> None:
    random = np.random.default_rng(2)
    encoded, mel = random.normal(size=(500, 4)).astype("f4"), random.normal(size=(1000, 3)).astype("f4")
    times = np.arange(247) / 25
    whole = gather_features(encoded, mel, times)
    for size in (37, 140, 499):
        blocks = ((encoded[a : a + size], mel[2 * a : 2 * (a + size)]) for a in range(0, 500, size))
        found, position = [], 0
        for first, part in stream_features(blocks, times):
            assert first == position
            position += len(part)
            found.append(part)
        assert np.array_equal(np.concatenate(found), whole)


def test_a_reduction_keeps_what_varies_most() -> None:
    random = np.random.default_rng(4)
    strong = random.normal(size=(400, 2)) * (5, 2)
    values = 1 + strong @ random.normal(size=(2, 6)) + 0.01 * random.normal(size=(400, 6))
    reduced = Reduction.fit(values, 2)(values)
    assert np.allclose(np.cov(reduced.T), np.eye(2), atol=1e-2)
    assert np.abs(np.linalg.lstsq(reduced, values - values.mean(0), rcond=None)[1]).max() < 0.2


def test_gestures_are_seeded_and_go_with_the_speech() -> None:
    loudness, times = measure_loudness([syllables((1, 9), length=20)]), np.arange(500) / 25
    one, same, other = (make_gestures(loudness, times, seed) for seed in (3, 3, 4))
    assert np.array_equal(one.rotation, same.rotation) and one.blinks == same.blinks
    assert not np.array_equal(one.rotation, other.rotation) and one.blinks != other.blinks
    angles = Rotation.from_matrix(one.rotation * FLIPS).as_euler("ZYX", degrees=True)
    speaking, idle = angles[40:210].std(0), angles[280:].std(0)
    assert (speaking > idle).all() and 0.3 < speaking[2] < 4 and np.abs(angles).max() < 12
    assert np.allclose(one.rotation[0], np.diag(FLIPS)) and one.lids[0] == 1 and one.brows[0] == 0
    assert one.lids.min() < 0.2 and all(later - first >= 0.9 for first, later in pairwise(one.blinks))
    assert len(find_syllables(loudness)) == pytest.approx(40, abs=4)


def test_without_gestures_only_lids_and_breath_move() -> None:
    loudness, times = measure_loudness([syllables((1, 5))]), np.arange(150) / 25
    still = make_gestures(loudness, times, 1, strength=0)
    assert np.allclose(still.rotation, np.diag(FLIPS)) and not still.brows.any() and not still.gaze.any()
    assert 0.03 < np.ptp(still.shift[:, 1]) < 0.12


def make_track(coefficients: np.ndarray, gaps: np.ndarray, activity: float = 1.0) -> MouthTrack:
    return MouthTrack(coefficients.astype("f4"), gaps.astype("f4"), np.full(len(gaps), activity, "f4"))


def test_lips_have_the_gap_that_was_predicted_and_shut_lips_are_shut_everywhere() -> None:
    model = load_mouth()
    count = len(model.basis)
    coefficients = np.random.default_rng(6).normal(0, 3, (5, count))
    gaps = np.array([0, 0.1, 0.4, 1.0, 1.6])
    shapes = SpokenShapes(model, make_track(coefficients, gaps), None)
    assert shapes.shape == (5, 478, 3)
    found = [middle_gap(shapes[index]) for index in range(5)]
    assert np.abs(np.array(found) - gaps).max() < 0.02
    assert np.allclose(np.asarray(shapes), shapes[:]) and shapes[[1, 3]].shape == (2, 478, 3)


def test_lips_are_shut_on_every_bilabial_and_open_again_soon(tmp_path) -> None:
    times = np.arange(50) / 25
    open_mouth = make_track(np.ones((50, 10)), np.ones(50))
    spans = [(0.4, 0.46), (1.013, 1.02)]  # the second falls between two pictures
    shut = shut_lips(open_mouth, times, spans)
    assert shut.gaps[10] == shut.gaps[11] == 0 and shut.gaps[25] == 0
    assert shut.gaps[[5, 17, 20, 32]].min() > 0.9 and 0.2 < shut.gaps[9] < 0.8
    assert np.abs(shut.coefficients[10] - 0.5).max() < 1e-6
    table = tmp_path / "times.json"
    phonemes = [{"symbol": "m", "start_s": 0.1, "end_s": 0.2}, {"symbol": "a", "start_s": 0.2, "end_s": 0.3}]
    table.write_text(json.dumps({"phonemes": phonemes}))
    assert read_bilabials(table) == [(0.1, 0.2)]
    for damaged in ("{}", "no", '{"phonemes": [{"symbol": "p", "start_s": 2, "end_s": 1}]}'):
        table.write_text(damaged)
        with pytest.raises(MediaError, match="holds no times of phonemes"):
            read_bilabials(table)


def test_bilabials_of_words_are_expected_in_order_and_found_at_the_dip() -> None:
    puppy = list(bilabials._expect(Word("puppy,", 1.0, 1.4, 0.9)))
    assert len(puppy) == 2 and 1.0 < puppy[0] < 1.1 and 1.15 < puppy[1] < 1.35
    assert list(bilabials._expect(Word("puppy", 1.0, 1.4, 0.2))) == []  # not believed
    assert list(bilabials._expect(Word("seven", 1.0, 1.4, 0.9))) == []
    assert list(bilabials._expect(Word("你", 1.0, 1.4, 0.9))) == []
    level = np.full(500, -20.0)
    level[250:262] = -50  # 1.25 to 1.31 s
    begin, end = bilabials._find_dip(level, 1.2)
    assert 1.24 < (begin + end) / 2 < 1.32
    assert np.mean(bilabials._find_dip(level, 0.5)) == pytest.approx(0.5, abs=0.006)
    assert np.isfinite(bilabials._find_dip(level, 9.0)).all()


def test_silence_has_no_words() -> None:
    assert bilabials.find_bilabials([np.zeros(RATE, np.float32)]) == []


def test_at_rest_the_face_is_the_models_exactly() -> None:
    model = load_mouth()
    silent = make_track(np.zeros((2, len(model.basis))), np.full(2, middle_gap(model.rest)), 0.0)
    gestures = make_gestures(measure_loudness([]), np.arange(2) / 25, 0, 0.0)
    shapes = SpokenShapes(model, silent, gestures)
    assert np.abs(shapes[1] - model.rest)[:468].max() < 1e-4
    assert eye_opening(shapes[0]) == pytest.approx(eye_opening(model.rest), abs=1e-3)


def test_the_shipped_model_is_whole_and_comes_back_as_it_was_saved(tmp_path) -> None:
    model = load_mouth()
    save_mouth(tmp_path / "copy", model, {"trained_on": []})
    again = load_mouth(tmp_path / "copy")
    for name in ("weights", "rest", "basis", "gap_curve", "blendshapes"):
        assert np.array_equal(getattr(again, name), getattr(model, name))
    assert (np.diff(model.gap_curve) >= 0).all()


def test_settings_are_checked() -> None:
    with pytest.raises(UsageError, match="frame_rate must be from 10 to 120"):
        SpeechSettings(frame_rate=5)
    with pytest.raises(UsageError, match="gestures"):
        SpeechSettings(gestures=3)
    assert Fraction(SpeechSettings().frame_rate) == 25
