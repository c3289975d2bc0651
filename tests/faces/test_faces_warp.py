"""Tests of the mesh warp: identity keeps the picture, known motion is followed, visibility is not overstated."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from effigie.faces.crop import apply_affine
from effigie.faces.mask import face_mask
from effigie.faces.mesh import AXIS_FLIP, INNER_LIPS, MESH_VERTEX_COUNT, OUTER_LIPS, load_canonical_mesh
from effigie.faces.warp import MeshWarper, extend_mesh, extended_triangles, signed_area, warp

SIZE = 256


def head(yaw=0.0, scale=11.0, center=(128.0, 128.0), opening=0.0):
    """(478, 3) landmarks of the canonical head turned to the image's right by ``yaw`` degrees, in pixels."""
    shape = load_canonical_mesh().vertices.copy()
    shape[:, 1] -= opening * np.clip((-4.0 - shape[:, 1]) / 2, 0, 1)
    eyes = [shape[[33, 133]].mean(0), shape[[263, 362]].mean(0)]
    irises = np.repeat(np.add(eyes, (0, 0, 0.5)), 5, axis=0)
    turn = np.radians(yaw)
    rotation = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    points = np.vstack([shape, irises]) @ rotation.T @ AXIS_FLIP
    return (scale * points + [*center, 0]).astype(np.float32)


@pytest.fixture(scope="module")
def picture():
    """(256, 256, 3) uint8, rich but smooth."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    return cv2.resize(noise, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


def core(landmarks, size=SIZE, margin=3):
    """(S, S) bool: well inside the face."""
    inside = (face_mask(landmarks, size, size) > 0.99).astype(np.uint8)
    return cv2.erode(inside, np.ones((2 * margin + 1, 2 * margin + 1))) > 0


def test_triangles_cover_the_face_once():
    """On the canonical face every triangle looks the same way, and their areas add up to the outline's."""
    points = extend_mesh(head())
    areas = signed_area(points[:, :2], extended_triangles())
    assert (areas > -1e-3).mean() > 0.97  # beneath the nose the surface really turns away
    outline = cv2.contourArea(points[MESH_VERTEX_COUNT + 2 :, None, :2].astype(np.float32))
    assert abs(areas.sum() / 2 / outline - 1) < 0.01


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize("yaw", [0, 25])
def test_identity_restores_the_picture(picture, size, yaw):
    picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    landmarks = head(yaw, 11.0 * size / SIZE, (size / 2, size / 2))
    made = warp(picture, landmarks, landmarks, size)
    inside = core(landmarks, size)
    assert inside.sum() > 0.2 * size**2
    difference = np.abs(made.image.astype(int) - picture)[inside]
    assert np.percentile(difference, 99) <= 1
    assert np.median(made.visibility[inside]) > 0.99


def test_outside_the_mesh_nothing_is_claimed(picture):
    landmarks = head()
    made = warp(picture, landmarks, landmarks, SIZE)
    ring = extend_mesh(landmarks)[MESH_VERTEX_COUNT + 2 :, :2]
    near = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(near, [np.round(ring).astype(np.int32)], 1)
    far = cv2.dilate(near, np.ones((7, 7))) == 0
    assert far.sum() > 1000
    assert (made.visibility[far] == 0).all()
    assert made.visibility.min() >= 0
    assert made.visibility.max() <= 1


def test_beyond_the_source_picture_nothing_is_claimed(picture):
    """Half of the source's face lies outside its picture."""
    made = warp(picture, head(center=(0.0, 128.0)), head(), SIZE)
    assert (made.visibility[:, :120] == 0).all()
    assert np.median(made.visibility[100:160, 140:200]) > 0.99


@pytest.mark.parametrize("yaw", [-55, 55])
def test_a_hidden_cheek_is_not_claimed(picture, yaw):
    """Turned to the image's right, the head hides its cheek on that side: the frontal view lacks it."""
    made = warp(picture, head(yaw), head(), SIZE)
    inside = core(head())
    columns = np.arange(SIZE)[None] + np.zeros((SIZE, 1))
    right, left = inside & (columns > 128 + 45), inside & (columns < 128 - 45)
    hidden, seen = (right, left) if yaw > 0 else (left, right)
    assert made.visibility[hidden].mean() < 0.3
    assert made.visibility[seen].mean() > 0.9
    # And the frontal view lacks nothing of itself: neither side is claimed less.
    straight = warp(picture, head(), head(), SIZE)
    assert straight.visibility[inside].mean() > 0.97


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[1, 0, 7.5], [0, 1, -4.25]]),
        cv2.getRotationMatrix2D((128.0, 128.0), 17, 0.9),
        np.array([[0.9, 0.15, 5], [-0.05, 1.08, -6]]),
    ],
    ids=["shift", "turn and shrink", "shear"],
)
def test_affine_motion_is_followed(picture, matrix):
    """The picture moves with its landmarks, within the hundredth of a pixel that OpenCV's own warp resolves."""
    source = head()
    target = apply_affine(matrix, source).astype(np.float32)
    made = warp(picture, source, target, SIZE)
    expected = cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC)
    inside = core(target) & (made.visibility > 0.9)
    assert inside.sum() > 0.15 * SIZE**2
    difference = np.abs(made.image.astype(int) - expected)[inside]
    assert difference.mean() < 0.6
    assert np.percentile(difference, 99) <= 4


def test_float_and_byte_pictures_agree(picture):
    source, target = head(10), head(-5, opening=0.5)
    as_bytes = warp(picture, source, target, SIZE)
    as_floats = warp(picture.astype(np.float32), source, target, SIZE)
    inside = as_bytes.visibility > 0
    assert np.abs(np.clip(as_floats.image, 0, 255) - as_bytes.image)[inside].max() <= 2
    assert (as_floats.visibility == as_bytes.visibility).all()


def test_a_closed_mouth_does_not_claim_what_an_open_one_shows(picture):
    """Between the closed lips of the source there is no area that could show teeth or tongue."""
    upper, lower = INNER_LIPS[1:10], INNER_LIPS[:10:-1]
    closed = head()
    closed[lower] = closed[upper]
    opened = closed.copy()
    opened[closed[:, 1] > closed[upper, 1].max(), 1] += 25
    opened[lower] = closed[upper] + [0, 25, 0]
    made = warp(picture, closed, opened, SIZE)
    between = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(between, [np.round(opened[INNER_LIPS, :2]).astype(np.int32)], 1)
    between = cv2.erode(between, np.ones((5, 5))) > 0
    assert between.sum() > 200
    assert made.visibility[between].mean() < 0.3
    forehead = made.visibility[50:70, 100:156]
    assert forehead.mean() > 0.95


@pytest.mark.parametrize("size", [127, 128, 224, 257])
@pytest.mark.parametrize("box", [(40, 91, 3, 64), (0, 33, 60, 61), (90, 120, 71, 127)])
def test_a_part_is_the_whole_cut_out(picture, size, box):
    """Exact equality, wherever the box begins, also if the field is computed at half resolution."""
    source, wanted = head(), head(20, 10.0 * size / SIZE, (size / 2, size / 2), opening=0.5)
    rows, columns = slice(*box[:2]), slice(*box[2:])
    whole = warp(picture, source, wanted, size)
    part = MeshWarper(wanted, size).warp(picture, source, (rows, columns))
    assert np.array_equal(part.image, whole.image[rows, columns])
    assert np.array_equal(part.visibility, whole.visibility[rows, columns])
    assert whole.visibility.any() and part.image.shape == (box[1] - box[0], box[3] - box[2], 3)


def test_lips_whose_triangles_are_turned_away_show_no_wall():
    """They leave holes of a pixel, through which the picture's corner was seen: a white dot."""
    target = head()
    rims = [183, 42, 41, 38, 12, 268, 271, 272, 407, 96, 89, 179, 86, 15, 316, 403, 319, 325]  # within either lip
    lips = np.concatenate([INNER_LIPS, rims])
    target[lips, :2] += np.random.default_rng(9).normal(0, 2, (len(lips), 2))
    dark = np.full((SIZE, SIZE, 3), 255, np.uint8)
    cv2.fillConvexPoly(dark, cv2.convexHull(np.rint(head()[:468, :2]).astype(np.int32)), (40, 40, 40))
    mouth = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(mouth, cv2.convexHull(np.rint(target[OUTER_LIPS, :2]).astype(np.int32)), 1)
    assert warp(dark, head(), target, SIZE).image[mouth > 0].max() < 60


@pytest.mark.parametrize("seed", [17, 27])
def test_slivers_between_shut_lips_show_what_lies_there(seed):
    """A pixel beside a triangle thinner than itself was taken from where its steep map led: a speck of skin."""
    source = head(opening=0.6)
    target = source.copy()
    upper, lower = INNER_LIPS[1:10], INNER_LIPS[:10:-1]
    target[lower] = target[upper] + np.random.default_rng(seed).normal(0, 1, (9, 3)) * [1.5, 0.02, 0]
    places = np.dstack([*np.meshgrid(np.arange(SIZE), np.arange(SIZE)), np.zeros((SIZE, SIZE))]).astype(np.float32)
    mouth = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(mouth, cv2.convexHull(np.rint(target[OUTER_LIPS, :2]).astype(np.int32)), 1)
    moved = np.abs(warp(places, source, target, SIZE).image - places)[mouth > 0]
    assert moved.max() < 12  # px; the lower lip goes up by 7
