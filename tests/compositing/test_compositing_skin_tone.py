"""Tests of faces on a skin of another tone: gloss, brows and lips stay what they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from effigie.compositing.color_local import LUMA_WEIGHTS
from effigie.compositing.skin_tone import MIN_GLOSS, FeatureMasks, carry_over, measure_tone

SIDE, SMALL = 128, 64
LIGHT, DARK = np.array((0.7, 0.55, 0.48), np.float32), np.array((0.3, 0.2, 0.15), np.float32)
BROWS, LIPS = (slice(16, 20), slice(12, 52)), (slice(44, 50), slice(22, 42))


def box(rows_columns):
    mask = np.zeros((SMALL, SMALL), np.float32)
    mask[rows_columns] = 1
    return mask


def features():
    brows, lips = box(BROWS), box(LIPS)
    grown = cv2.dilate(np.maximum(brows, lips), np.ones((5, 5)))
    return FeatureMasks(grown, brows, lips, brows, lips)


def paint(skin, brows, lips, size=SMALL):
    """A face of three colours."""
    picture = np.broadcast_to(skin, (SMALL, SMALL, 3)).astype(np.float32).copy()
    picture[BROWS], picture[LIPS] = brows, lips
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_NEAREST)


def average(picture, rows_columns):
    return cv2.resize(picture, (SMALL, SMALL), interpolation=cv2.INTER_AREA)[rows_columns].mean((0, 1))


FILMED = paint(LIGHT, LIGHT - 0.3, LIGHT - (0.1, 0.25, 0.2))
SKIN = 1 - features().any


def test_only_lighter_skin_is_of_another_tone():
    dark, light = (paint(tone, tone, tone, SIDE) for tone in (DARK, LIGHT))
    assert measure_tone(dark, FILMED, SKIN) == 1
    assert measure_tone(light, FILMED, SKIN) == measure_tone(light, paint(DARK, DARK, DARK), SKIN) == 0
    dimmer = paint(0.85 * LIGHT, LIGHT, LIGHT, SIDE)  # the same skin in another light
    assert measure_tone(dimmer, FILMED, SKIN) == 0
    assert measure_tone(dark, FILMED, np.zeros_like(SKIN)) == 0


def test_gloss_is_no_more_than_the_footages():
    made = paint(LIGHT, LIGHT - 0.3, LIGHT - (0.1, 0.25, 0.2), SIDE)
    made[56:72, 56:72] = 0.98
    changed = carry_over(made, FILMED, features(), SKIN, 0.0, 1.0)
    before, after = (float((picture[60:68, 60:68].mean((0, 1)) - LIGHT) @ LUMA_WEIGHTS) for picture in (made, changed))
    assert before > 0.3 and after < MIN_GLOSS + 0.02
    glossy = FILMED.copy()
    glossy[28:36, 10:40] = 0.98  # the footage's light does the same
    assert np.abs(carry_over(made, glossy, features(), SKIN, 0.0, 1.0) - made).max() < 0.05


def test_brows_and_lips_stand_out_of_light_skin_as_the_footages_do():
    made = paint(LIGHT, LIGHT - 0.1, LIGHT + 0.1, SIDE)  # as brows and lips of dark skin come out of the transfer
    changed = carry_over(made, FILMED, features(), SKIN, 1.0, 1.0)
    assert average(changed, BROWS) == pytest.approx(average(FILMED, BROWS), abs=0.06)
    middle = slice(45, 49), slice(24, 40)
    assert average(changed, middle) == pytest.approx(average(FILMED, middle), abs=0.06)
    assert np.abs(changed - made)[64:80, 2:126].max() < 0.02  # plain skin
    kept = carry_over(made, FILMED, features(), SKIN, 0.0, 1.0)
    assert average(kept, BROWS) == pytest.approx(average(made, BROWS), abs=0.01)


def test_a_share_of_nothing_and_a_face_without_skin_change_nothing():
    made = paint(DARK, DARK, DARK, SIDE)
    assert carry_over(made, FILMED, features(), SKIN, 1.0, 0.0) is made
    assert carry_over(made, FILMED, features(), np.zeros_like(SKIN), 1.0, 1.0) is made
