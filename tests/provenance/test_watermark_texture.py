"""Tests of where the mark may hide: in texture, and not beside edges."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.provenance.watermark import WatermarkEmbedder
from effigie.provenance.watermark.jnd_mask import local_contrast

SHAPE = (180, 320)


def test_texture_counts_as_much_as_it_varies():
    gray = 128 + np.random.default_rng(1).normal(0, 8, SHAPE).astype(np.float32)
    assert 6 < np.median(local_contrast(gray)) < 10


def test_bare_ground_beside_edges_is_bare():
    """A head before a wall, and the frame of a door: steps, and lines some pixels wide."""
    gray = np.full(SHAPE, 200, np.float32)
    gray[:, :100] = 40
    gray[:, 160:163] = 120
    gray[:, 175:177] = 230
    found = local_contrast(gray)
    assert found[20:-20, 50:150].max() < 0.3
    assert found[20:-20, 200:].max() < 0.3


def test_texture_beside_bare_ground_stays_on_its_side():
    gray = np.full(SHAPE, 128, np.float32)
    gray[:, 160:] += np.random.default_rng(2).normal(0, 12, (180, 160))
    found = local_contrast(gray)
    assert found[20:-20, 180:300].min() > 4
    assert found[20:-20, :145].max() < 0.3


@pytest.mark.parametrize(("lines", "least", "most"), [(720, 0.4, 0.75), (360, 0.9, 1.1)])
def test_black_cloth_is_marked_less_where_the_picture_is_large(lines, least, most):
    """A step of a dark grey level is a larger part of its light; a small picture has no strength to spare."""
    width = lines * 16 // 9
    texture = np.random.default_rng(3).normal(0, 6, (lines, width)).astype(np.float32)
    texture += np.where(np.arange(width) < width // 2, 24, 140)
    image = np.repeat(np.clip(texture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    change = WatermarkEmbedder(7, (lines, width)).embed(image).astype(float).mean(2) - image.mean(2)
    dark, bright = (change[:, side].std() for side in (slice(0, width // 2 - 20), slice(width // 2 + 20, None)))
    assert least < dark / bright < most
