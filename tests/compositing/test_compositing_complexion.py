"""Tests of the made face's skin: it takes on the footage's, place by place, and keeps its own texture."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.compositing import ComposeSettings
from effigie.compositing.blend import blend
from effigie.compositing.complexion import MAX_OFFSET, fit_complexion
from effigie.errors import UsageError


def textured(color, size=128, seed=0):
    noise = np.random.default_rng(seed).normal(scale=0.02, size=(size, size, 1))
    return np.clip(np.array(color) + noise, 0, 1).astype(np.float32)


def test_an_offset_that_changes_slowly_is_taken_away_and_texture_stays():
    face, side = textured((0.6, 0.45, 0.4)), 64
    ramp = np.linspace(-0.08, 0.08, side, dtype=np.float32)[None, :, None]
    reference = np.broadcast_to(np.array((0.62, 0.5, 0.42), np.float32) + ramp, (side, side, 3))
    fitted = fit_complexion(face, reference, np.ones((side, side), np.float32), 1.0)
    small = fitted.reshape(8, 16, 8, 16, 3).mean((1, 3))
    assert np.abs(small - reference.reshape(8, 8, 8, 8, 3).mean((1, 3)))[:, 1:-1].max() < 0.015
    row, own = fitted[64, :, 0] - fitted[64, :, 0].mean(), face[64, :, 0]
    assert np.corrcoef(np.diff(row), np.diff(own))[0, 1] > 0.99


def test_a_share_of_nothing_is_the_face_itself_and_half_is_half():
    face = textured((0.5, 0.5, 0.5))
    reference, weight = np.full((64, 64, 3), 0.6, np.float32), np.ones((64, 64), np.float32)
    assert fit_complexion(face, reference, weight, 0.0) is face
    half = fit_complexion(face, reference, weight, 0.5)
    assert (half - face).mean() == pytest.approx(0.05, abs=0.003)


def test_what_is_no_skin_does_not_count_and_a_beard_is_not_shaved():
    face = textured((0.5, 0.4, 0.35))
    reference, weight = np.full((64, 64, 3), (0.5, 0.4, 0.35), np.float32), np.ones((64, 64), np.float32)
    reference[20:30] = 0.0  # the footage's brows
    weight[18:32] = 0
    assert np.abs(fit_complexion(face, reference, weight, 1.0) - face).max() < 0.01
    much_lighter = np.full((64, 64, 3), (1.0, 0.9, 0.85), np.float32)
    changed = fit_complexion(face, much_lighter, np.ones((64, 64), np.float32), 1.0)
    assert (changed - face).max() <= MAX_OFFSET + 1e-3


def test_without_skin_nothing_changes():
    face = textured((0.5, 0.4, 0.35))
    assert fit_complexion(face, np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32), 1.0) is face


def test_a_share_beyond_one_is_refused():
    with pytest.raises(UsageError, match="complexion is 0"):
        ComposeSettings(complexion=1.5)


def test_walls_outside_the_mask_do_not_colour_the_face():
    """The footage's wall is blue, the source's is brown; inside the mask both are the same skin."""
    y, x = np.mgrid[:160, :160]
    inside = (x - 80) ** 2 + (y - 80) ** 2 < 60**2
    skin = np.array((0.7, 0.55, 0.5), np.float32)
    footage = np.where(inside[..., None], skin, np.array((0.1, 0.5, 0.8), np.float32)).astype(np.float32)
    made = np.where(inside[..., None], skin, np.array((0.7, 0.6, 0.4), np.float32)).astype(np.float32)
    mask = np.clip((58 - np.hypot(x - 80, y - 80)) / 10, 0, 1).astype(np.float32)
    assert np.abs(blend(footage, made, mask) - footage)[inside].max() < 0.01
