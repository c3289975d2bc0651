"""Tests of the mouth's inside: taken from the target where the source never shows it, only between the lips."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.faces.mesh import INNER_LIPS, load_canonical_mesh
from effigie.faces.warp import MeshWarper
from effigie.swap.inference.mouth_transfer import KNOWN_DISTANCE, UNKNOWN_DISTANCE, compute_mouth_share, transfer_mouth

SIZE = 128


def face(opening: float) -> np.ndarray:
    """(478, 3) frontal landmarks whose lips are ``opening`` px apart."""
    shape = np.zeros((478, 3))
    vertices = load_canonical_mesh().vertices
    shape[:468] = vertices
    shape[468:] = vertices[[33] * 5 + [263] * 5]
    points = shape * [5.5, -5.5, -5.5] + [SIZE / 2, SIZE / 2 - 6, 0]
    upper, lower = INNER_LIPS[1:10], INNER_LIPS[:10:-1]
    middle = (points[upper, 1] + points[lower, 1]) / 2
    bend = np.sin(np.linspace(0.15, 0.85, 9) * np.pi)
    points[upper, 1], points[lower, 1] = middle - opening / 2 * bend, middle + opening / 2 * bend
    return points


def filled(made, footage, points):
    """The made face with the footage's mouth put in."""
    interior = np.zeros((SIZE, SIZE, 4), np.float32)
    transfer_mouth(interior, footage, points, MeshWarper(points, SIZE), 1.0)
    return made + interior[..., 3:] * (interior[..., :3] - made)


@pytest.mark.parametrize(
    ("misfit", "share"), [(0.0, 0.0), (KNOWN_DISTANCE, 0.0), (0.6, 0.5), (UNKNOWN_DISTANCE, 1.0), (9.0, 1.0)]
)
def test_the_less_the_source_knows_the_more_is_borrowed(misfit, share):
    assert compute_mouth_share(misfit) == pytest.approx(share)


def test_teeth_appear_between_the_lips_and_nowhere_else():
    points = face(20)
    footage = np.full((SIZE, SIZE, 3), 120, np.uint8)
    x, y = points[[13, 14], :2].mean(0).astype(int)
    footage[y - 3 : y + 4, x - 8 : x + 9] = 240
    made = np.full((SIZE, SIZE, 3), 120 / 255, np.float32)
    result = filled(made, footage, points)
    assert result[y, x].mean() > 0.85
    changed = np.abs(result - made).max(2) > 1e-3
    rows, columns = np.nonzero(changed)
    lips = points[INNER_LIPS, :2]
    assert rows.min() > lips[:, 1].min() - 8 and rows.max() < lips[:, 1].max() + 8
    assert columns.min() > lips[:, 0].min() - 4 and columns.max() < lips[:, 0].max() + 4


def test_they_keep_the_footage_s_light():
    points = face(20)
    footage = np.full((SIZE, SIZE, 3), 200, np.uint8)
    made = np.full((SIZE, SIZE, 3), 100 / 255, np.float32)
    x, y = points[[13, 14], :2].mean(0).astype(int)
    assert filled(made, footage, points)[y, x] == pytest.approx(200 / 255, abs=0.01)


def test_shut_lips_meet_in_the_footage_s_line():
    points = face(0.2)
    footage, made = np.full((SIZE, SIZE, 3), 150, np.uint8), np.full((SIZE, SIZE, 3), 150 / 255, np.float32)
    x, y = points[[13, 14], :2].mean(0).round().astype(int)
    footage[y, x - 12 : x + 13] = 60
    made[y - 1 : y + 2, x - 12 : x + 13] = 1  # a slit of teeth
    result = filled(made, footage, points)
    assert result[y, x].mean() < 0.6
    width = np.ptp(points[INNER_LIPS, 0])
    rows = np.nonzero(np.abs(result - made).max(2) > 0.01)[0]
    assert rows.min() > y - 0.15 * width and rows.max() < y + 0.15 * width
