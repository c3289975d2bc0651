"""Tests of mimicry and skin colour: known answers, and what they are blind to."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.evaluate.metrics.mimicry import compare_mimicry, measure_mimicry
from effigie.evaluate.metrics.skin_color import PLACES, measure_skin, worst_skin_difference
from effigie.faces.mesh import LOWER_LIP, UPPER_LIP, eye_distance
from effigie.faceset import FaceSet


@pytest.fixture(scope="module")
def face(man_faces):
    return FaceSet.open(man_faces).load(("landmarks",))["landmarks"][0].astype(np.float64)


def test_a_gap_is_a_share_of_the_eye_distance(face):
    lips = face.copy()
    middle = (face[UPPER_LIP] + face[LOWER_LIP]) / 2
    half = np.array([0.0, 5.0, 0.0])
    lips[UPPER_LIP], lips[LOWER_LIP] = middle - half, middle + half
    assert measure_mimicry(lips)[0] == pytest.approx(10 / eye_distance(face))


def test_neither_size_nor_a_turn_in_the_picture_changes_brows_and_smile(face):
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    assert measure_mimicry(1.7 * face @ turn.T) == pytest.approx(measure_mimicry(face), rel=1e-6)


def test_errors_gains_and_correlations_are_those_put_in():
    time = np.linspace(0, 6, 60)
    gap = np.where(time < 3, 0.01, 0.1)
    reference = np.stack([gap, 1 + 0.05 * np.sin(time), 2 + 0.1 * np.cos(time)], axis=1)
    output = np.stack([gap + np.where(time < 3, 0.005, -0.02), 0.8 + 0.025 * np.sin(time), 1.5 + 0.2 * np.cos(time)], 1)
    scores = compare_mimicry(output, reference)
    assert (scores.shut_error, scores.open_error) == (pytest.approx(0.005), pytest.approx(0.02))
    assert (scores.brow_gain, scores.smile_gain) == (pytest.approx(0.5), pytest.approx(2.0))
    assert (scores.brow_correlation, scores.smile_correlation) == (pytest.approx(1), pytest.approx(1))


def test_nothing_is_said_of_what_does_not_move():
    still = np.tile([0.1, 1.0, 2.0], (20, 1))
    scores = compare_mimicry(still, still)
    assert np.isnan([scores.shut_error, scores.brow_gain, scores.smile_correlation]).all()
    assert scores.open_error == 0
    assert np.isnan(compare_mimicry(np.empty((0, 3)), np.empty((0, 3))).open_error)


def test_one_patch_of_another_colour_is_the_worst(face):
    picture = np.full((600, 600, 3), (180, 140, 120), np.uint8)
    patched = picture.copy()
    x, y = np.rint(face[PLACES["jaw left"], :2]).astype(int)
    patched[y - 30 : y + 31, x - 30 : x + 31] = (180, 140, 60)
    difference = measure_skin(patched, face) - measure_skin(picture, face)
    distances = np.linalg.norm(difference, axis=1)
    assert distances.argmax() == list(PLACES).index("jaw left") and distances.max() > 20
    assert worst_skin_difference(np.stack([difference] * 3)) == pytest.approx(distances.max())
    assert np.isnan(worst_skin_difference(np.empty((0, 6, 3))))
