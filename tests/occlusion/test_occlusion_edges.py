"""Tests of upsampling a small mask along the edges of a larger picture."""

import cv2
import numpy as np
import pytest

from effigie.occlusion.upsample import upsample_mask

SMALL, LARGE = 128, 384


@pytest.fixture(scope="module")
def rimmed():
    """A round rim of four pixels on skin with grain: the picture, and where the rim is, (LARGE, LARGE)."""
    random = np.random.default_rng(3)
    rim = np.zeros((LARGE, LARGE), np.uint8)
    cv2.circle(rim, (192, 192), 90, 255, 4, cv2.LINE_AA)
    share = rim[..., None] / 255
    picture = np.array([190, 150, 130]) * (1 - share) + 40 * share + random.normal(0, 2, (LARGE, LARGE, 3))
    return np.clip(picture, 0, 255).astype(np.uint8), rim / np.float32(255)


def shrunk(picture):
    return cv2.resize(picture, (SMALL, SMALL), interpolation=cv2.INTER_AREA)


def test_a_rim_is_as_narrow_as_it_was_filmed(rimmed):
    picture, rim = rimmed
    # A network's answer: right in the mean, soft, and not quite sure of anything so thin.
    said = 1 - 0.8 * cv2.GaussianBlur(shrunk(rim), (0, 0), 0.7)
    wanted = rim > 0.5
    found = upsample_mask(said, shrunk(picture), picture)
    plain = cv2.resize(said, (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)

    def overlap(mask):
        covered = mask < 0.5
        return (covered & wanted).sum() / (covered | wanted).sum()

    assert overlap(found) > 0.85
    assert overlap(plain) < overlap(found) - 0.15
    angles = np.linspace(0, 2 * np.pi, 360)
    way = found[np.rint(192 + 90 * np.sin(angles)).astype(int), np.rint(192 + 90 * np.cos(angles)).astype(int)]
    assert way.max() < 0.5  # nowhere broken


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_where_the_mask_is_even_no_picture_shows_in_it(rimmed, level):
    picture, _ = rimmed
    found = upsample_mask(np.full((SMALL, SMALL), level, np.float32), shrunk(picture), picture)
    assert found.shape == (LARGE, LARGE)
    assert np.allclose(found, level, atol=1e-5)


def test_smaller_pictures_too(rimmed):
    picture, rim = rimmed
    found = upsample_mask(1 - shrunk(rim), shrunk(picture), cv2.resize(picture, (96, 96)))
    assert found.shape == (96, 96)
    assert 0 <= found.min() < 0.4 < 0.99 < found.max() <= 1
