"""Tests of which triangle of the mesh is visible where."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from effigie.faces.mesh import load_canonical_mesh
from effigie.faces.warp import signed_area
from effigie.heads.warp.face_warp import _rasterize_triangles, triangles

ROWS, COLUMNS = 140, 120


def turned(yaw: float, shift: float = 0.0) -> np.ndarray:
    """(468, 3) the canonical face as seen by the camera, in cells; smaller z is nearer."""
    mirrored = load_canonical_mesh().vertices @ Rotation.from_euler("y", yaw, degrees=True).as_matrix().T * [1, -1, -1]
    return mirrored * 6 + [COLUMNS / 2 + shift, ROWS / 2, 0]


def drawn(vertices: np.ndarray, area: np.ndarray) -> np.ndarray:
    """The same labels, one triangle drawn after the other."""
    labels = np.full((ROWS, COLUMNS), -1, np.int32)
    corners = np.round(vertices[:, :2] * 16).astype(np.int32)[triangles()]
    for index in np.argsort(-vertices[triangles(), 2].mean(1)).tolist():
        if area[index] > 0:
            cv2.fillConvexPoly(labels, corners[index], index, cv2.LINE_8, 4)
    return labels


@pytest.mark.parametrize("yaw", [0, 25, 50])
@pytest.mark.parametrize("shift", [0, 70])
def test_the_nearest_triangle_is_seen_as_if_each_were_drawn(yaw: float, shift: float) -> None:
    vertices = turned(yaw, shift)
    area = signed_area(vertices[:, :2], triangles())
    labels, expected = _rasterize_triangles(vertices, area, ROWS, COLUMNS), drawn(vertices, area)
    assert (labels >= 0).sum() > (1500 if shift else 6000)
    assert np.mean((labels >= 0) != (expected >= 0)) < 0.01
    assert np.mean(labels != expected) < 0.06  # on edges either neighbour will do
    assert (area[labels[labels >= 0]] > 0).all()


def test_no_cell_is_missed_between_triangles() -> None:
    vertices = turned(0)
    labels = _rasterize_triangles(vertices, signed_area(vertices[:, :2], triangles()), ROWS, COLUMNS)
    inside = cv2.erode((drawn(vertices, np.ones(len(triangles()))) >= 0).astype(np.uint8), np.ones((5, 5)))
    assert (labels[inside > 0] >= 0).all()


def test_outside_the_picture_nothing_is_seen() -> None:
    vertices = turned(0, 1000)
    assert (_rasterize_triangles(vertices, signed_area(vertices[:, :2], triangles()), ROWS, COLUMNS) == -1).all()
