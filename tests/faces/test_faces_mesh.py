"""Tests of the canonical mesh and the pose fitted to it."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effigie.faces.landmarker import LandmarkModel, landmarks_to_roi
from effigie.faces.mesh import AXIS_FLIP, FACE_OVAL, MESH_VERTEX_COUNT, Pose, fit_pose, load_canonical_mesh
from effigie.faces.tracker import Tracker

ANGLE = st.floats(-60, 60)


def rotation(yaw, pitch, roll):
    """The pose's rotation, by its definition: pitch first, then yaw, then roll, as the image shows them."""
    yaw, pitch, roll = np.radians([-yaw, pitch, roll])
    x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return z @ y @ x @ AXIS_FLIP


def measured(image):
    """(478, 3) landmarks of the one face."""
    (face,) = Tracker()(np.ascontiguousarray(image))
    return face.landmark_result.landmarks


@pytest.fixture(scope="module")
def face(portrait):
    return measured(portrait)


def test_canonical_is_one_sheet_with_the_face_oval_as_its_rim():
    mesh = load_canonical_mesh()
    assert mesh.vertices.shape == (MESH_VERTEX_COUNT, 3)
    assert mesh.triangles.shape == (898, 3)
    assert set(mesh.triangles.ravel()) == set(range(MESH_VERTEX_COUNT))
    edges = Counter(tuple(sorted((int(tri[i]), int(tri[(i + 1) % 3])))) for tri in mesh.triangles for i in range(3))
    assert set(edges.values()) == {1, 2}
    rim = [edge for edge, uses in edges.items() if uses == 1]
    loop = {frozenset((int(a), int(b))) for a, b in zip(FACE_OVAL, np.roll(FACE_OVAL, -1), strict=True)}
    assert {frozenset(edge) for edge in rim} == loop
    assert MESH_VERTEX_COUNT - len(edges) + 898 == 1  # Euler: a disc, without holes
    assert np.count_nonzero(mesh.weights) == 31
    assert abs(mesh.vertices[:, 0].mean()) < 0.01  # as wide to the left as to the right
    assert mesh.vertices[4, 2] > mesh.vertices[FACE_OVAL, 2].max()  # the nose points at the viewer


@given(ANGLE, ANGLE, st.floats(-170, 170), st.floats(0.5, 60), st.floats(-500, 500))
@settings(deadline=None)
def test_pose_is_recovered(yaw, pitch, roll, scale, shift):
    pose = Pose(rotation(yaw, pitch, roll), scale, np.array([shift, 300.0, -20.0]))
    found = fit_pose(pose.apply(load_canonical_mesh().vertices))
    assert np.allclose(found.angles, [yaw, pitch, roll], atol=0.01)
    assert np.isclose(found.scale, scale)
    assert np.allclose(found.translation, pose.translation, atol=1e-6 * scale + 1e-6)


@given(ANGLE, ANGLE, ANGLE)
@settings(deadline=None)
def test_unpose_undoes_apply(yaw, pitch, roll):
    pose = Pose(rotation(yaw, pitch, roll), 17.0, np.array([200.0, 100.0, 5.0]))
    shape = np.random.default_rng(0).normal(size=(478, 3))
    assert np.allclose(pose.to_canonical(pose.apply(shape)), shape)


def test_signs_are_what_the_image_shows():
    def nose(yaw, pitch):
        points = Pose(rotation(yaw, pitch, 0), 1.0, np.zeros(3)).apply(load_canonical_mesh().vertices)
        return points[4, :2] - points[FACE_OVAL, :2].mean(0)

    assert nose(30, 0)[0] > nose(0, 0)[0] + 1  # yaw > 0: to the image's right
    assert nose(0, 30)[1] > nose(0, 0)[1] + 1  # pitch > 0: down
    points = Pose(rotation(0, 0, 30), 1.0, np.zeros(3)).apply(load_canonical_mesh().vertices)
    assert points[263, 1] > points[33, 1] + 1  # roll > 0: clockwise, the image's right eye sinks


def test_expression_does_not_move_the_pose(face):
    """The jaw drops by 3 cm: the angles, the scale and the place stay."""
    before = fit_pose(face)
    shape = before.to_canonical(face)
    jaw = np.clip((shape[0, 1] - 1 - shape[:, 1]) / 3, 0, 1)
    shape[:, 1] -= 3 * jaw
    after = fit_pose(before.apply(shape))
    assert np.abs(after.angles - before.angles).max() < 3
    assert abs(after.scale / before.scale - 1) < 0.02


@pytest.mark.parametrize("degrees", [-40, 25, 60])
def test_a_turned_picture_changes_roll_alone(portrait, face, degrees):
    """Positive turns are clockwise; measured where the face has moved to, as by a tracker."""
    middle = face[:, :2].mean(0)
    matrix = cv2.getRotationMatrix2D(tuple(map(float, middle)), -degrees, 1.0)
    turned = cv2.warpAffine(portrait, matrix, portrait.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    roi = landmarks_to_roi(np.column_stack([face[:, :2] @ matrix[:, :2].T + matrix[:, 2], face[:, 2]]))
    before, after = fit_pose(face).angles, fit_pose(LandmarkModel()(turned, roi).landmarks).angles
    assert np.abs(after - before - [0, 0, degrees]).max() < 2.5


def test_a_mirrored_picture_turns_yaw_and_roll_round(portrait, face):
    before, after = fit_pose(face).angles, fit_pose(measured(portrait[:, ::-1])).angles
    assert abs(before[0]) > 1 or abs(before[2]) > 1  # else nothing would be shown
    assert np.abs(after - before * [-1, 1, -1]).max() < 2.5
