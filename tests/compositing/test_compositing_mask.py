import itertools

import cv2
import numpy as np
import pytest

from effigie.compositing.mask import MaskSettings, bounding_box, build_mask, longer_side
from effigie.errors import UsageError


@pytest.fixture
def oval():
    mask = np.zeros((160, 160), np.float32)
    cv2.ellipse(mask, (80, 80), (45, 60), 0, 0, 360, 1.0, -1)
    return mask


def test_more_erosion_and_more_feather_only_take_away(oval):
    for name, values in (("bottom", (-0.1, 0.0, 0.1, 0.2)), ("feather", (0.0, 0.05, 0.1, 0.2))):
        masks = [build_mask(oval, settings=MaskSettings(**{name: value})) for value in values]
        for wide, narrow in itertools.pairwise(masks):
            assert (narrow <= wide + 0.02).all()
            assert narrow.sum() < wide.sum()


@pytest.mark.parametrize(("side", "edge", "sign"), [("left", 0, 1), ("top", 1, 1), ("right", 2, -1), ("bottom", 3, -1)])
@pytest.mark.parametrize("share", [0.1, -0.1])
def test_each_side_moves_alone(oval, side, edge, sign, share):
    before = bounding_box(oval)
    after = bounding_box(build_mask(oval, settings=MaskSettings(feather=0, **{side: share})))
    moved = sign * (after[edge] - before[edge])
    assert moved == round(share * longer_side(oval))
    assert all(abs(after[other] - before[other]) <= 6 for other in range(4) if other != edge)


def test_feather_falls_inwards_and_evenly(oval):
    mask = build_mask(oval, settings=MaskSettings(feather=0.15))
    assert (mask[oval == 0] == 0).all()
    row = mask[80, 35:81]
    assert (np.diff(row) >= -1e-6).all()
    assert np.diff(row).max() < 0.12
    assert mask[80, 80] == 1


def test_zero_at_the_border_even_if_the_outline_is_not():
    for feather in (0.0, 0.1):
        mask = build_mask(np.ones((64, 64), np.float32), settings=MaskSettings(feather=feather))
        assert mask[32, 32] == 1
        assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0


def test_an_occlusion_cuts_sharply(oval):
    visible = np.ones_like(oval)
    visible[:, 90:] = 0
    mask = build_mask(oval, visible)
    assert mask[80, 86] > 0.9  # no wide feather beside the hand
    assert (mask[:, 96:] == 0).all()


def test_empty_stays_empty_and_nonsense_is_refused(oval):
    assert not build_mask(np.zeros((32, 32), np.float32)).any()
    assert bounding_box(np.zeros((32, 32), np.float32)) is None
    with pytest.raises(ValueError, match="shape"):
        build_mask(oval, np.ones((10, 10), np.float32))
    with pytest.raises(UsageError, match="top"):
        MaskSettings(top=0.7)
