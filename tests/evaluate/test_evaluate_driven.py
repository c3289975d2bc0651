"""Tests of how strongly a portrait is driven: known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from effigie.assets import fetch_asset
from effigie.evaluate.metrics.driven import compare_driven
from effigie.heads.motion.gains import CORNERS
from effigie.heads.motion.motion import Motion, read_motion


@pytest.fixture(scope="module")
def motion() -> Motion:
    return read_motion(fetch_asset("sample_woman"), max_frames=40)


def with_smile(motion: Motion, cm: float) -> Motion:
    """Its face at rest, but with the mouth's corners going ``cm`` apart and back."""
    shapes = np.repeat(motion.unposed[[motion.neutral_frame]], len(motion), axis=0)
    wave = np.sin(np.linspace(0, 9, len(motion)))
    shapes[:, CORNERS[0], 0] -= cm * wave
    shapes[:, CORNERS[1], 0] += cm * wave
    return replace(motion, unposed=shapes)


def test_a_motion_has_a_gain_of_one_over_itself(motion):
    scores = compare_driven(motion, motion)
    for strength in (scores.smile, scores.opening, scores.brows, scores.yaw):
        assert np.isnan(strength.gain) or (strength.gain, strength.correlation) == pytest.approx((1, 1))
    assert scores.smile.gain == pytest.approx(1)


def test_half_a_smile_has_a_gain_of_a_half_on_a_face_of_any_size(motion):
    large = with_smile(motion, 0.2)
    large = replace(large, scale=1.7 * large.scale)
    scores = compare_driven(large, with_smile(motion, 0.4))
    assert scores.smile.gain == pytest.approx(0.5, abs=0.02)
    assert scores.smile.correlation == pytest.approx(1, abs=0.01)
    assert np.isnan(scores.opening.gain)  # nobody opened it


def test_frames_out_of_sight_and_other_lengths(motion):
    unseen = replace(motion, present=np.zeros(len(motion), bool))
    assert compare_driven(motion, unseen).frames == 0
    assert np.isnan(compare_driven(motion, unseen).smile.gain)
    shorter = read_motion(fetch_asset("sample_woman"), max_frames=39)
    with pytest.raises(ValueError, match="frames"):
        compare_driven(shorter, motion)
