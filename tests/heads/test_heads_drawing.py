"""Tests of the landmark drawing: a colour per part, gaze and blinks included, exact below a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.faces.mesh import AXIS_FLIP, INNER_LIPS, LEFT_EYE, LEFT_IRIS, RIGHT_EYE, RIGHT_IRIS, load_canonical_mesh
from effigie.heads.network.landmark_image import CLOSED_CONTOURS, NOSE_COLOR, draw_landmarks

SIZE = 128


@pytest.fixture
def landmarks():
    """The canonical face, looking straight ahead, in the middle of a crop."""
    vertices = load_canonical_mesh().vertices @ AXIS_FLIP
    points = np.empty((478, 3))
    points[:468] = vertices
    for iris, eye in ((LEFT_IRIS, LEFT_EYE), (RIGHT_IRIS, RIGHT_EYE)):
        center = vertices[eye].mean(0)
        ring = 0.55 * np.array([[1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 1, 0]])
        points[iris] = [center, *(center + ring)]
    middle = (points.max(0) + points.min(0)) / 2
    return ((points - middle) * 5.8 + SIZE / 2).astype(np.float32)


def yellow(drawing):
    """Share of iris per pixel: there red and green are equal, in brows one is half the other."""
    red, green, blue = drawing.astype(float).transpose(2, 0, 1)
    return np.where(blue == 0, 2 * np.minimum(red, green) - np.maximum(red, green), 0).clip(2) - 2


def center(weight):
    rows, columns = np.mgrid[: len(weight), : len(weight)]
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


def test_every_part_is_there_on_black(landmarks):
    drawing = draw_landmarks(landmarks, SIZE)
    assert drawing.shape == (SIZE, SIZE, 3) and drawing.dtype == np.uint8
    assert (drawing.sum(2) == 0).mean() > 0.75
    for color in [*(color for color, _ in CLOSED_CONTOURS), NOSE_COLOR, (255, 255, 0)]:
        assert (np.abs(drawing.astype(int) - color).max(2) < 40).sum() >= 8, color


def test_the_same_landmarks_make_the_same_drawing(landmarks):
    before = landmarks.copy()
    assert np.array_equal(draw_landmarks(landmarks, SIZE), draw_landmarks(landmarks[:, :2].copy(), SIZE))
    assert np.array_equal(landmarks, before)


def test_gaze_moves_the_irises_alone(landmarks):
    aside = landmarks.copy()
    aside[[*LEFT_IRIS, *RIGHT_IRIS], 0] += 2.0
    ahead, aside = draw_landmarks(landmarks, SIZE), draw_landmarks(aside, SIZE)
    for half in (slice(0, SIZE // 2), slice(SIZE // 2, SIZE)):
        before, after = (np.flatnonzero((yellow(each)[:, half] > 100).any(0)) for each in (ahead, aside))
        assert 1 <= after.mean() - before.mean() <= 2.5
    eyes = landmarks[[*LEFT_EYE, *RIGHT_EYE], :2]
    (left, top), (right, bottom) = eyes.min(0).astype(int) - 3, eyes.max(0).astype(int) + 4
    changed = (ahead != aside).any(2)
    assert changed[top:bottom, left:right].any()
    changed[top:bottom, left:right] = False
    assert not changed.any()


def test_a_closed_eye_shows_no_iris(landmarks):
    closed = landmarks.copy()
    for eye in (LEFT_EYE, RIGHT_EYE):
        closed[eye, 1] = closed[eye, 1].mean()
    assert yellow(draw_landmarks(closed, SIZE)).sum() < 0.2 * yellow(draw_landmarks(landmarks, SIZE)).sum()


def test_an_open_mouth_is_seen(landmarks):
    opened = landmarks.copy()
    opened[INNER_LIPS[11:], 1] += 8
    lips = np.array([255, 0, 255])
    rows = [
        np.flatnonzero((np.abs(draw_landmarks(face, SIZE).astype(int) - lips).max(2) < 60).any(1))
        for face in (landmarks, opened)
    ]
    assert np.ptp(rows[1]) >= np.ptp(rows[0]) + 6


@pytest.mark.parametrize("shift", [0.25, 0.5, 3.0])
def test_drawn_exactly_below_a_pixel(landmarks, shift):
    def weight(points):
        return draw_landmarks(points, SIZE).astype(float).sum(2)

    moved = center(weight(landmarks + np.array([shift, 0, 0]))) - center(weight(landmarks))
    assert moved == pytest.approx([shift, 0], abs=0.15)


def test_any_size_shows_the_same_face(landmarks):
    small = draw_landmarks(landmarks, SIZE).astype(float)
    large = draw_landmarks(2 * landmarks, 2 * SIZE).astype(float)
    halved = large.reshape(SIZE, 2, SIZE, 2, 3).mean((1, 3))
    assert np.corrcoef(small.ravel(), halved.ravel())[0, 1] > 0.8
    assert draw_landmarks(landmarks / 2, 64).any() and draw_landmarks(landmarks * 8, 1024).any()


def test_a_face_outside_draws_nothing(landmarks):
    assert not draw_landmarks(landmarks + 1e12, SIZE).any()
    half = draw_landmarks(landmarks + np.array([SIZE / 2, 0, 0]), SIZE)
    assert half.any() and half.shape == (SIZE, SIZE, 3)


def test_what_cannot_be_drawn_is_refused(landmarks):
    with pytest.raises(ValueError, match="478"):
        draw_landmarks(landmarks[:468], SIZE)
    landmarks[5, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        draw_landmarks(landmarks, SIZE)
