"""Tests of the made face's eyeballs: gaze and highlights of the footage, the source's iris color, nothing on lids."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from effigie.errors import UsageError
from effigie.faces.mesh import EYE_CORNERS, LEFT_EYE, LEFT_IRIS, LID_PAIRS, RIGHT_EYE, RIGHT_IRIS, load_canonical_mesh
from effigie.faces.warp import MeshWarper
from effigie.swap.config import ConvertSettings
from effigie.swap.inference.eye_transfer import transfer_eyes

SIZE = 256
SKIN, BROWN, BLUE = (190, 150, 130), (90, 60, 40), (70, 100, 140)


def face(opening: float, gaze: float = 0.0) -> np.ndarray:
    """(478, 3) frontal landmarks: lids ``opening`` eye widths apart, irises ``gaze`` eye widths to the side."""
    shape = np.zeros((478, 3))
    shape[:468] = load_canonical_mesh().vertices
    points = shape * [11.0, -11.0, -11.0] + [SIZE / 2, SIZE / 2 - 12, 0]
    for iris, (upper, lower), corners in zip((LEFT_IRIS, RIGHT_IRIS), LID_PAIRS, EYE_CORNERS, strict=True):
        left, right = points[corners[0]], points[corners[1]]
        width = np.linalg.norm(right[:2] - left[:2])
        along = np.linspace(0.125, 0.875, 7)[:, None]
        for lids, side in ((upper, -1), (lower, 1)):
            points[lids] = left + along * (right - left)
            points[lids, 1] += side * opening * width / 2 * np.sin(along[:, 0] * np.pi) * 4 / np.pi
        middle = (left + right) / 2 + [gaze * width, 0, 0]
        radius = 0.19 * width
        points[iris] = middle + np.array([[0, 0, 0], [radius, 0, 0], [0, -radius, 0], [-radius, 0, 0], [0, radius, 0]])
    return points


def draw(points: np.ndarray, iris_color: tuple[int, int, int]) -> np.ndarray:
    """A picture with skin, whites, irises and pupils."""
    picture = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    for outline, iris in ((LEFT_EYE, LEFT_IRIS), (RIGHT_EYE, RIGHT_IRIS)):
        inside = np.zeros((SIZE, SIZE), np.uint8)
        cv2.fillPoly(inside, [np.round(points[outline, :2]).astype(np.int32)], 1)
        eye = np.full_like(picture, 225)
        center = tuple(int(v) for v in np.round(points[iris[0], :2]))
        radius = np.linalg.norm(points[iris[1], :2] - points[iris[0], :2])
        cv2.circle(eye, center, round(radius), iris_color, -1)
        cv2.circle(eye, center, round(0.4 * radius), (15, 15, 15), -1)
        picture[inside > 0] = eye[inside > 0]
    return picture


def pupil(picture: np.ndarray, points: np.ndarray, outline: np.ndarray) -> float:
    """Where the darkest pixels lie between the corners of an eye, in eye widths from its middle."""
    inside = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(inside, [np.round(points[outline, :2]).astype(np.int32)], 1)
    dark = (picture.mean(2) < 0.2) & (inside > 0)
    lids = points[outline, 0]
    return float((np.nonzero(dark)[1].mean() - (lids.min() + lids.max()) / 2) / np.ptp(lids))


def filled(made, footage, points, with_lashes=False):
    """The made face with the footage's eyes put in."""
    interior = np.zeros((SIZE, SIZE, 4), np.float32)
    transfer_eyes(interior, made, footage, points, MeshWarper(points, SIZE), with_lashes)
    return made + interior[..., 3:] * (interior[..., :3] - made)


def test_the_made_eyes_look_where_the_footage_s_look():
    points = face(0.4, gaze=0.15)
    made = draw(face(0.4, gaze=-0.15), BROWN).astype(np.float32) / 255
    result = filled(made, draw(points, BROWN), points)
    for outline in (LEFT_EYE, RIGHT_EYE):
        assert pupil(made, points, outline) == pytest.approx(-0.15, abs=0.03)
        assert pupil(result, points, outline) == pytest.approx(0.15, abs=0.03)


def test_irises_keep_the_source_s_color_and_pupils_stay_dark():
    points = face(0.4)
    made = draw(points, BLUE).astype(np.float32) / 255
    result = filled(made, draw(points, BROWN), points)
    center, edge = points[LEFT_IRIS[0], :2], points[LEFT_IRIS[1], :2]
    x, y = np.round(center + 0.7 * (edge - center)).astype(int)
    assert result[y, x] * 255 == pytest.approx(BLUE, abs=12)
    x, y = np.round(center).astype(int)
    assert result[y, x].mean() < 0.2


def test_the_white_beside_an_iris_that_landmarks_miss_does_not_glare():
    """A dark iris in a light one's color: its gain, on the white beside it, was a glaring crescent."""
    points = face(0.4)
    shifted, eye_width = points.copy(), 0.19 * np.linalg.norm(np.diff(points[list(EYE_CORNERS[0]), :2], axis=0))
    shifted[list(LEFT_IRIS) + list(RIGHT_IRIS), 0] -= 0.35 * eye_width
    made, footage = draw(points, BLUE).astype(np.float32) / 255, cv2.GaussianBlur(draw(shifted, BROWN), (0, 0), 1.0)
    result = filled(made, footage, points)
    inside = np.zeros((SIZE, SIZE), np.uint8)
    for outline in (LEFT_EYE, RIGHT_EYE):
        cv2.fillPoly(inside, [np.round(points[outline, :2]).astype(np.int32)], 1)
    assert result[inside > 0].mean(axis=1).max() < 230 / 255
    x, y = np.round(shifted[LEFT_IRIS[0], :2]).astype(int)
    for side in (-4, 4):  # all of the iris has the color, where it is and not where landmarks have it
        assert result[y, x + side] * 255 == pytest.approx(BLUE, abs=25)


def test_a_dark_iris_of_a_soft_picture_stays_dark():
    """Softness lightens a small iris and its pupil alike: as grey as there, a brown eye was pale."""
    points = face(0.4)
    soft = cv2.GaussianBlur(draw(points, BROWN), (0, 0), 2.0).astype(np.float32) / 255
    footage = draw(points, BROWN)
    result = filled(soft, footage, points)
    center, edge = points[LEFT_IRIS[0], :2], points[LEFT_IRIS[1], :2]
    x, y = np.round(center + 0.7 * (edge - center)).astype(int)
    sharp, lightened, made = (float(picture[y, x].mean()) for picture in (footage / 255, soft, result))
    assert lightened > 1.3 * sharp and made - sharp < 0.75 * (lightened - sharp)


def test_only_what_lies_between_the_lids_changes():
    points = face(0.4, gaze=0.1)
    made = draw(face(0.4), BROWN).astype(np.float32) / 255
    result = filled(made, draw(points, BROWN), points)
    inside = np.zeros((SIZE, SIZE), np.uint8)
    for outline in (LEFT_EYE, RIGHT_EYE):
        cv2.fillPoly(inside, [np.round(points[outline, :2]).astype(np.int32)], 1)
    changed = np.abs(result - made).max(2) > 0.02
    assert changed.any() and not changed[cv2.dilate(inside, np.ones((7, 7), np.uint8)) == 0].any()


def test_shut_eyes_stay_shut_and_eyes_keep_the_footage_s_light():
    shut = face(0.02)
    made = np.full((SIZE, SIZE, 3), 0.4, np.float32)
    assert (filled(made, np.full((SIZE, SIZE, 3), 255, np.uint8), shut) == made).all()
    points = face(0.4)
    bright = draw(points, BROWN)
    inside = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(inside, [np.round(points[LEFT_EYE, :2]).astype(np.int32)], 1)
    inside = cv2.erode(inside, np.ones((5, 5), np.uint8)) > 0
    result = filled(
        bright.astype(np.float32) / 255 * 0.5, bright, points
    )  # the made face is darker, skin and iris alike
    assert np.abs(result - bright / 255)[inside].max() < 0.08


def test_lashes_of_eyes_that_the_source_never_shuts_are_the_footage_s():
    """A torn line of white where open lids were warped until they met goes; skin around it stays."""
    shut, corners = face(0.02), EYE_CORNERS[0]
    skin = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    line = [np.round(shut[corner, :2]).astype(int).tolist() for corner in corners]
    footage, torn = (cv2.line(skin.copy(), *line, color, 3) for color in ((20, 15, 15), (255, 255, 255)))
    made = torn.astype(np.float32) / 255
    result = filled(made, footage, shut, with_lashes=True)
    column = (line[0][0] + line[1][0]) // 2
    assert result[line[0][1], column].max() < 0.2
    changed = np.abs(result - made).max(2) > 0.02
    far = np.hypot(*(np.indices((SIZE, SIZE))[::-1] - np.array(line).mean(0)[:, None, None])) > 40
    assert not (changed & far)[:, : SIZE // 2].any()
    assert (filled(made, footage, face(0.02)) == made).all()


def test_interiors_are_two():
    with pytest.raises(UsageError, match="footage or source"):
        ConvertSettings(interior="target")
