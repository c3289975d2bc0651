import cv2
import numpy as np
import pytest

from effigie.compositing.blend import BLEND_METHODS, blend, solve_membrane
from effigie.compositing.mask import MaskSettings, build_mask
from effigie.errors import UsageError


def _pictures(size=128):
    rng = np.random.default_rng(0)
    background = (0.4 + 0.02 * rng.standard_normal((size, size, 3))).astype(np.float32)
    foreground = (0.6 + 0.02 * rng.standard_normal((size, size, 3))).astype(np.float32)
    return background, foreground


def _disc(size=128, radius=45):
    y, x = np.mgrid[:size, :size] - size / 2
    return (np.hypot(x, y) < radius).astype(np.float32)


def _seam(picture, radius=45):
    """Mean squared step along the radius within 3 px of the disc's rim."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] - picture.shape[0] / 2
    near = np.abs(np.hypot(x, y) - radius) < 3
    gray = picture.mean(axis=2)
    return float((np.gradient(gray)[0][near] ** 2 + np.gradient(gray)[1][near] ** 2).mean())


@pytest.mark.parametrize("method", BLEND_METHODS)
@pytest.mark.parametrize("feather", [0.0, 0.2])
def test_outside_is_untouched_and_inside_is_the_face(method, feather):
    background, foreground = _pictures()
    mask = build_mask(_disc(), settings=MaskSettings(feather=feather))
    result = blend(background, foreground, mask, method)
    assert np.array_equal(result[mask == 0], background[mask == 0])
    core = (slice(56, 72), slice(56, 72))
    own = foreground[core] - foreground[core].mean(axis=(0, 1))
    detail = result[core] - result[core].mean(axis=(0, 1))
    assert np.abs(detail - own).max() < 0.03
    if method != "poisson":
        assert abs(result[core].mean() - 0.6) < 0.02


@pytest.mark.parametrize("method", ["multiband", "poisson"])
def test_the_seam_is_weaker_than_a_hard_cut(method):
    background, foreground = _pictures()
    hard = np.where(_disc()[..., None] > 0, foreground, background)
    assert _seam(blend(background, foreground, _disc(), method)) < 0.5 * _seam(hard)


@pytest.mark.parametrize("method", BLEND_METHODS)
def test_two_equal_pictures_stay_equal(method):
    background, _ = _pictures()
    mask = build_mask(_disc())
    assert np.abs(blend(background, background.copy(), mask, method) - background).max() < 1e-5


def test_fine_detail_is_never_seen_one_through_the_other():
    """Two gratings at right angles: where a feather shows both, multiband shows mostly one."""
    y, x = np.mgrid[:128, :128]
    background = np.repeat((0.5 + 0.2 * np.sin(x * 2.5))[..., None], 3, 2).astype(np.float32)
    foreground = np.repeat((0.5 + 0.2 * np.sin(y * 2.5))[..., None], 3, 2).astype(np.float32)
    mask = np.clip((x - 32) / 64, 0, 1).astype(np.float32)

    def both(method):
        mixed = blend(background, foreground, mask, method)[..., 0] - 0.5
        columns = (mixed * np.sin(x * 2.5)).mean(axis=0) * (mixed * np.sin(y * 2.5)).mean(axis=0)
        return np.abs(columns[34:94]).mean()

    assert both("multiband") < 0.6 * both("feather")


def test_the_membrane_takes_a_constant_and_a_slope_inwards():
    mask = _disc()
    slope = np.repeat(np.linspace(-0.1, 0.1, 128, dtype=np.float32)[None, :, None], 128, 0).repeat(3, 2)
    inside = mask > 0
    assert np.abs(solve_membrane(np.full((128, 128, 3), 0.1, np.float32), mask)[inside] - 0.1).max() < 0.005
    hollow = slope * (1 - _disc(radius=38))[..., None]  # what lies inside the rim must not matter
    assert np.abs(solve_membrane(hollow, mask) - slope)[inside].mean() < 0.01


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 5), (7, 7), (17, 40)])
@pytest.mark.parametrize("method", BLEND_METHODS)
def test_odd_and_tiny_regions(method, shape):
    rng = np.random.default_rng(0)
    background, foreground = rng.random((2, *shape, 3), dtype=np.float32)
    result = blend(background, foreground, rng.random(shape, dtype=np.float32), method)
    assert result.shape == background.shape
    assert np.isfinite(result).all()
    assert np.array_equal(blend(background, foreground, np.zeros(shape, np.float32), method), background)


def test_nonsense_is_refused():
    background, foreground = _pictures()
    with pytest.raises(UsageError, match="glue"):
        blend(background, foreground, _disc(), "glue")
    with pytest.raises(ValueError, match="shape"):
        blend(background, foreground, _disc(64), "feather")


def test_what_crosses_the_edge_shows_no_line_there():
    """Lashes of the footage that reach into the made face's rim: they fade, and do not end all at once."""
    across = np.clip((np.arange(160, dtype=np.float32) - 60) / 40, 0, 1)
    mask = cv2.GaussianBlur(np.tile(across, (96, 1)), (0, 0), 2)
    background = np.full((96, 160, 3), 0.6, np.float32)
    background[44:52, 70:95] = 0.05
    row = blend(background, np.full_like(background, 0.6), mask, "multiband")[48, 74:92, 0]
    assert np.abs(np.diff(row)).max() < 0.06
    assert row[0] < 0.3
    assert row[-1] > 0.5
