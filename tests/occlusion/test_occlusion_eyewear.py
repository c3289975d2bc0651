"""Tests of glasses: found where they are drawn on, not on bare faces, and taken out again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from benchmarks.fixtures.appearance_changes import draw_glasses, draw_wire_glasses

from effigie.faces.analyzer import analyze
from effigie.faces.crop import apply_affine, crop
from effigie.faces.mesh import LEFT_EYE, RIGHT_EYE
from effigie.media import VideoReader
from effigie.occlusion.eyewear import DARK_LENSES, find_eyewear
from effigie.occlusion.eyewear_removal import clear_lenses, find_reflections, remove_eyewear
from effigie.occlusion.predictor import VisibilityPredictor
from effigie.occlusion.rim_path import find_closed_paths, find_path

SIZE = 256


@pytest.fixture(scope="module")
def predictor():
    return VisibilityPredictor()


def aligned(clip):
    with VideoReader(clip, stop=3) as reader:
        item = list(analyze(reader))[2]
    matrix = item.faces[0].matrix(SIZE)
    return crop(item.frame.image, matrix, SIZE), apply_affine(matrix, item.faces[0].landmarks)


@pytest.mark.parametrize("who", ["man", "woman"])
@pytest.mark.parametrize("draw", [draw_glasses, lambda *face: draw_wire_glasses(*face)[0]], ids=["dark", "wire"])
def test_glasses_are_found_and_a_bare_face_has_none(who, draw, request, predictor):
    picture, landmarks = aligned(request.getfixturevalue(who))
    assert not find_eyewear(picture, landmarks, predictor).is_worn
    worn = find_eyewear(draw(picture, landmarks), landmarks, predictor)
    assert worn.is_worn and worn.dark < DARK_LENSES
    assert worn.strokes.shape == worn.cover.shape == (SIZE, SIZE)


@pytest.mark.parametrize("who", ["man", "woman"])
def test_rims_are_covered_whole_and_taken_out(who, request, predictor):
    picture, landmarks = aligned(request.getfixturevalue(who))
    worn, rims = draw_wire_glasses(picture, landmarks)
    eyes = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(eyes, [np.rint(landmarks[eye, :2]).astype(np.int32) for eye in (LEFT_EYE, RIGHT_EYE)], 1)
    rims &= cv2.dilate(eyes, np.ones((9, 9))) == 0  # lids are not touched
    found = find_eyewear(worn, landmarks, predictor)
    assert found.strokes[rims].mean() > 0.9 and found.cover[rims].mean() > 0.6
    assert found.strokes.mean() < 0.12 and found.cover.mean() < 0.06
    bare = remove_eyewear(worn, found)
    error, before = (np.abs(each.astype(float) - picture)[rims].mean() for each in (bare, worn))
    assert error < 0.35 * before
    assert np.array_equal(bare[~found.strokes], worn[~found.strokes])


def test_eyes_behind_dark_lenses_are_told(man, predictor):
    picture, landmarks = aligned(man)
    for eye in (LEFT_EYE, RIGHT_EYE):
        middle = np.rint(landmarks[eye, :2].mean(0)).astype(int).tolist()
        cv2.ellipse(picture, middle, (34, 27), 0, 0, 360, (15, 15, 18), -1, cv2.LINE_AA)
    bar = [np.rint(landmarks[corner, :2]).astype(int).tolist() for corner in (133, 362)]
    cv2.line(picture, *bar, (15, 15, 18), 5)
    assert find_eyewear(picture, landmarks, predictor).dark > DARK_LENSES


def test_the_strongest_path_is_followed_and_closes():
    angles, radii = 40, 20
    wanted = np.rint(10 + 6 * np.sin(2 * np.pi * np.arange(angles) / angles)).astype(int)
    strengths = np.random.default_rng(0).uniform(0, 1, (2, angles, radii))
    strengths[:, np.arange(angles), wanted] += 5
    strengths[1, 20:24, :] = 0  # a gap is bridged
    found = find_closed_paths(strengths, 0.5)
    assert np.array_equal(found[0], wanted)
    assert np.abs(found[1] - wanted).max() <= 2
    assert np.abs(np.diff(np.append(found, found[:, :1], axis=1), axis=1)).max() <= 2
    assert np.array_equal(find_path(strengths[0], 0.5), wanted)


@pytest.mark.parametrize("who", ["man", "woman"])
def test_a_wide_rim_hides_the_brow_and_no_thin_one_does(who, request, predictor):
    picture, landmarks = aligned(request.getfixturevalue(who))
    eyes = [landmarks[eye, :2].mean(0) for eye in (LEFT_EYE, RIGHT_EYE)]
    apart, line = float(np.linalg.norm(eyes[1] - eyes[0])), round(float(np.mean(eyes, axis=0)[1]))

    def draw(thick):
        worn, rim = picture.copy(), np.zeros((SIZE, SIZE), np.uint8)
        for eye in eyes:
            place, axes = np.rint(eye).astype(int).tolist(), (round(0.4 * apart), round(0.34 * apart))
            for drawn, color in ((worn, (25, 20, 20)), (rim, 1)):
                cv2.ellipse(drawn, place, axes, 0, 0, 360, color, thick, cv2.LINE_AA)
        return worn, rim > 0

    assert not find_eyewear(draw(1)[0], landmarks, predictor).wide.any()
    horn, rim = draw(round(0.1 * apart))
    wide = find_eyewear(horn, landmarks, predictor).wide
    assert wide[: line - 5][rim[: line - 5]].mean() > 0.6
    assert not wide[line + 12 :].any()


def test_a_tinted_lens_takes_the_color_of_the_cheek(man, predictor):
    picture, landmarks = aligned(man)
    worn, _ = draw_wire_glasses(picture, landmarks)
    found = find_eyewear(worn, landmarks, predictor)
    lens = cv2.fillPoly(np.zeros((SIZE, SIZE), np.uint8), [np.rint(found.lenses[0]).astype(np.int32)], 1) > 0
    tinted = worn.copy()
    tinted[lens] = np.rint(tinted[lens] * [0.75, 0.8, 0.9])
    within = cv2.erode(lens.astype(np.uint8), np.ones((7, 7))) > 0
    within &= ~found.strokes
    before, after = (
        np.abs(each[within].astype(float) - picture[within]).mean() for each in (tinted, clear_lenses(tinted, found))
    )
    assert after < 0.5 * before


@pytest.mark.parametrize("who", ["man", "woman"])
def test_a_lamp_in_a_lens_is_taken_out(who, request, predictor):
    picture, landmarks = aligned(request.getfixturevalue(who))
    worn, _ = draw_wire_glasses(picture, landmarks)
    found = find_eyewear(worn, landmarks, predictor)
    x, y = (0.65 * landmarks[LEFT_EYE, :2].mean(0) + 0.35 * found.lenses[0][:, :2].max(0)).round().astype(int)
    y = round(float(landmarks[LEFT_EYE, 1].max())) + 5  # below the lid
    lit = cv2.ellipse(worn.copy(), (int(x), y), (5, 2), 20, 0, 360, (235, 240, 250), -1, cv2.LINE_AA)
    lamp = np.abs(lit.astype(int) - worn).max(2) > 20
    reflections = find_reflections(lit, found, landmarks)
    assert reflections[lamp].mean() > 0.9
    bare = remove_eyewear(lit, found, reflections)
    assert np.abs(bare.astype(float) - worn)[lamp].mean() < 0.3 * np.abs(lit.astype(float) - worn)[lamp].mean()
    assert find_reflections(worn, found, landmarks).mean() < 0.02  # a nose shines
