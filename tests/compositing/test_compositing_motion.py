"""Tests of motion blur: estimated from the footage, applied to the generated face, only where something moves."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from effigie.compositing import ComposeSettings, Compositor, GrainSettings
from effigie.compositing.motion_blur import MotionBlur, apply_motion_blur, estimate_shutter
from effigie.errors import UsageError

PLAIN = ComposeSettings(color="none", grain=GrainSettings(strength=0), temporal=0, blend="feather")


def edges(picture, mask, way):
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    x, y = (cv2.Sobel(gray, cv2.CV_32F, *order)[mask > 0.9] for order in ((1, 0), (0, 1)))
    cosine, sine = np.asarray(way) / np.linalg.norm(way)
    return float(((cosine * x + sine * y) ** 2).mean() / ((cosine * y - sine * x) ** 2).mean())


def test_smearing_keeps_the_mean_and_the_place():
    picture = np.zeros((41, 41), np.float32)
    picture[20, 20] = 1
    moved = apply_motion_blur(picture, np.array([9.0, 3.0]))
    y, x = np.mgrid[:41, :41]
    assert moved.sum() == pytest.approx(1, abs=1e-5)
    assert (moved * x).sum() == pytest.approx(20, abs=0.05)
    assert (moved * y).sum() == pytest.approx(20, abs=0.05)
    # Large kernels are applied by a Fourier transform: what is nothing is so but for rounding.
    assert moved[19, 16] > 0.01 and moved[21, 24] > 0.01, "on the way"
    assert abs(moved[16, 20]) < 1e-6 and abs(moved[20, 14]) < 1e-6, "beside it, and beyond its ends"
    assert apply_motion_blur(picture, np.array([0.2, 0.0])) is picture


@pytest.mark.parametrize("way", [(12.0, 0.0), (0.0, -10.0), (8.0, 8.0)], ids=str)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_shutter_is_read_from_the_footage(portrait, way, share):
    footage = apply_motion_blur(portrait.face, share * np.array(way))
    found = estimate_shutter(portrait.face, footage, portrait.mask, np.array(way))
    assert found == pytest.approx(share, abs=0.13)


def test_a_made_face_that_is_smeared_already_is_left_alone(portrait):
    way = np.array([12.0, 0.0])
    both = apply_motion_blur(portrait.face, way)
    assert estimate_shutter(both, both, portrait.mask, way) == pytest.approx(0, abs=0.01)


def test_too_little_of_a_face_says_nothing(portrait):
    assert estimate_shutter(portrait.face, portrait.face, np.zeros_like(portrait.mask), np.array([9.0, 0.0])) is None


@pytest.mark.parametrize("step", [0.0, 1.0, 200.0], ids=["still", "slow", "jump"])
def test_what_stands_still_moves_slowly_or_jumps_is_not_smeared(portrait, step):
    blur = MotionBlur()
    footage = apply_motion_blur(portrait.face, np.array([12.0, 0.0]))
    for frame in range(3):
        made = blur(portrait.face, footage, portrait.mask, (100 + step * frame, 100), Fraction(frame, 25))
        assert made is portrait.face


def test_nothing_is_remembered_across_a_cut(portrait):
    blur = MotionBlur()
    footage = apply_motion_blur(portrait.face, np.array([12.0, 0.0]))
    assert blur(portrait.face, footage, portrait.mask, (100, 100)) is portrait.face
    assert blur(portrait.face, footage, portrait.mask, (112, 100)) is not portrait.face
    blur.reset()
    assert blur(portrait.face, footage, portrait.mask, (124, 100)) is portrait.face


def test_a_moving_face_is_as_smeared_as_the_footage(portrait):
    """The portrait moves 10 px a frame with the shutter open half of the time; the made face is sharp."""
    way = np.array([10.0, 0.0])
    found = {}
    for strength in (0.0, 1.0):
        compositor = Compositor(replace(PLAIN, motion_blur=strength))
        for frame in range(3):
            shift = np.float32([[1, 0, way[0] * frame], [0, 1, 0]])
            moved = cv2.warpAffine(portrait.frame, shift, portrait.frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
            footage = apply_motion_blur(moved, 0.5 * way).astype(np.uint8)
            matrix = portrait.matrix.copy()
            matrix[:, 2] -= portrait.matrix[:, :2] @ (way * frame)
            result = compositor.compose(footage, portrait.face, portrait.mask, matrix, Fraction(frame, 25))
        size = (portrait.size, portrait.size)
        seen, wanted = (cv2.warpAffine(picture, matrix, size).astype(np.float32) / 255 for picture in (result, footage))
        inside = cv2.erode(portrait.mask, np.ones((25, 25)))
        found[strength] = edges(seen, inside, way) / edges(wanted, inside, way)
    assert found[0.0] > 1.25
    assert found[1.0] == pytest.approx(1, abs=0.12)


@pytest.mark.parametrize("strength", [-0.1, 1.5])
def test_strength_out_of_range(strength):
    with pytest.raises(UsageError, match="motion"):
        MotionBlur(strength)
    with pytest.raises(UsageError, match="motion_blur"):
        ComposeSettings(motion_blur=strength)
