"""Tests of the line of shut lips that were open in every picture of the take."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from effigie.dubbing.shut_line import draw_shut_line
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import LOWER_LIP, OUTER_LIPS, UPPER_LIP

SCALE, SIZE = 20.0, (120, 160)
SKIN, LIPS, TEETH, CORNER = (0.75, 0.6, 0.52), (0.65, 0.4, 0.4), (0.95, 0.94, 0.9), (0.08, 0.05, 0.05)


@pytest.fixture
def landmarks():
    """Shut lips of 5 by 1.6 cm; nothing else."""
    points = np.zeros((478, 2), np.float32)
    angles = np.linspace(np.pi, 3 * np.pi, len(OUTER_LIPS), endpoint=False)
    points[OUTER_LIPS] = np.column_stack([80 + 50 * np.cos(angles), 60 + 16 * np.sin(angles)])
    across = np.linspace(36, 124, len(UPPER_LIP) + 2)
    points[UPPER_LIP] = points[LOWER_LIP] = np.column_stack([across[1:-1], np.full(len(UPPER_LIP), 60)])
    points[78], points[308] = (across[0], 60), (across[-1], 60)
    return points


@pytest.fixture
def patch(landmarks):
    """Lips with a jagged line of teeth, and dark corners, as a warp leaves them."""
    picture = np.empty((*SIZE, 3), np.float32)
    picture[:] = SKIN
    picture[polygon_mask(landmarks[OUTER_LIPS], *SIZE) > 0.5] = LIPS
    for x in range(44, 117):
        picture[59 - x % 3 : 62, x] = TEETH
    picture[58:62, 36:44] = picture[58:62, 117:124] = CORNER
    return picture


def test_teeth_and_corners_are_filled_and_a_line_is_drawn(patch, landmarks):
    drawn = patch.copy()
    draw_shut_line(drawn, landmarks, 1.0, SCALE)
    gray = cv2.cvtColor(drawn, cv2.COLOR_RGB2GRAY)
    lips = float(np.dot(LIPS, (0.299, 0.587, 0.114)))
    assert gray[54:67, 44:117].max() < lips + 0.03 and gray[54:67, 38:122].min() > 0.5 * lips
    line = gray[60, 50:110]
    assert (line < 0.9 * lips).mean() > 0.9  # darker than lips all along
    assert np.array_equal(drawn[:44], patch[:44]) and np.array_equal(drawn[77:], patch[77:])


def test_a_share_of_nothing_and_lips_too_small_to_know_change_nothing(patch, landmarks):
    drawn = patch.copy()
    draw_shut_line(drawn, landmarks, 0.0, SCALE)
    draw_shut_line(drawn, landmarks * 0.03, 1.0, 0.03 * SCALE)
    assert np.array_equal(drawn, patch)
