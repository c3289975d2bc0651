from fractions import Fraction

import cv2
import numpy as np
import pytest
from portrait_scene import scene

from effigie.compositing import ComposeSettings, Compositor
from effigie.compositing.grain import BAND_COUNT, GrainSettings, apply_grain, compute_gains, split_bands
from effigie.errors import UsageError

FULL = GrainSettings(strength=1, noise=1)


def match_grain(face, reference, mask, settings, frame=0):
    """The face with the reference's sharpness and grain."""
    bands = split_bands(face)
    return apply_grain(face, bands, compute_gains(bands, split_bands(reference), mask, settings), frame)


def _sharpness(picture, mask):
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(gray, cv2.CV_32F)[mask > 0.95].var())


@pytest.mark.parametrize("sigma", [0.5, 0.6, 0.7])
def test_a_softened_face_becomes_as_sharp_as_the_footage(portrait, sigma):
    soft = portrait.blurred(sigma)
    before = _sharpness(soft, portrait.mask) / _sharpness(portrait.face, portrait.mask)
    assert 1 / FULL.limit**2 < before < 0.7  # the gain limit allows a full match
    after = _sharpness(match_grain(soft, portrait.face, portrait.mask, FULL), portrait.mask)
    assert 0.8 < after / _sharpness(portrait.face, portrait.mask) < 1.1


def test_a_very_soft_face_gains_no_more_than_the_limit(portrait):
    soft = portrait.blurred(3)
    settings = GrainSettings(strength=1, noise=0)
    after = _sharpness(match_grain(soft, portrait.face, portrait.mask, settings), portrait.mask)
    assert 2 < after / _sharpness(soft, portrait.mask) < settings.limit**2 * 1.3


def test_a_face_sharper_than_the_footage_is_softened(portrait):
    shot = portrait.blurred(1.0)
    before = _sharpness(portrait.face, portrait.mask) / _sharpness(shot, portrait.mask)
    after = _sharpness(match_grain(portrait.face, shot, portrait.mask, FULL), portrait.mask)
    assert after / _sharpness(shot, portrait.mask) < 0.5 * before


def test_a_face_already_right_is_left_alone(portrait):
    assert np.abs(match_grain(portrait.face, portrait.face, portrait.mask, FULL) - portrait.face).max() < 0.01


def test_missing_noise_is_made_up_and_differs_from_frame_to_frame():
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.3, 0.6, 128, dtype=np.float32)
    smooth = np.repeat((ramp[:, None] + 0.01 * np.sin(np.arange(128) / 20))[..., None], 3, 2).astype(np.float32)
    noise = cv2.GaussianBlur(rng.standard_normal((128, 128)).astype(np.float32), (0, 0), 0.6)[..., None]
    noisy = smooth + 0.02 * noise
    mask = np.ones((128, 128), np.float32)
    first, again, second = (match_grain(smooth, noisy, mask, FULL, frame) for frame in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - second).mean() > 0.003
    for made, shot in zip(split_bands(first), split_bands(noisy), strict=True):
        assert 0.7 < made.std() / shot.std() < 1.3
    assert np.abs(np.corrcoef((first - smooth).ravel(), (second - smooth).ravel())[0, 1]) < 0.1


def test_the_features_of_a_tiny_face_do_not_pass_for_noise():
    small = scene(48, face=24.0)
    soft = small.blurred(2.0)
    with_noise, without = (
        match_grain(soft, small.face, small.mask, GrainSettings(strength=1, noise=noise)) for noise in (1, 0)
    )
    assert np.abs(with_noise - without)[small.mask > 0].mean() < 0.015


def test_no_halo_beside_an_edge(portrait):
    edge = np.full((96, 96, 3), 0.3, np.float32)
    edge[:, 48:] = 0.7
    soft = cv2.GaussianBlur(edge, (0, 0), 1.2)
    result = match_grain(soft, edge, np.ones((96, 96), np.float32), GrainSettings(strength=1, noise=0))
    assert result.min() > 0.3 - 0.035 and result.max() < 0.7 + 0.035
    assert np.gradient(result[48, :, 0]).max() > 1.2 * np.gradient(soft[48, :, 0]).max()


def test_strength_nought_does_nothing_and_half_does_less(portrait):
    soft = portrait.blurred(1)
    none, half, full = (
        match_grain(soft, portrait.face, portrait.mask, GrainSettings(strength=strength, noise=0))
        for strength in (0, 0.5, 1)
    )
    assert np.abs(none - soft).max() < 1e-6
    assert _sharpness(none, portrait.mask) < _sharpness(half, portrait.mask) < _sharpness(full, portrait.mask)


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (5, 5), (9, 30)])
def test_tiny_regions_and_flat_pictures(shape):
    for level in (0.0, 0.5):
        flat = np.full((*shape, 3), level, np.float32)
        noisy = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
        for face, shot in ((flat, noisy), (noisy, flat), (flat, flat)):
            result = match_grain(face, shot, np.ones(shape, np.float32), FULL)
            assert result.shape == face.shape and np.isfinite(result).all()


def test_nothing_measurable_changes_nothing(portrait):
    bands = split_bands(portrait.face)
    planned = compute_gains(bands, bands, np.zeros_like(portrait.mask), FULL)
    assert planned.shape == (BAND_COUNT, 4)
    assert np.array_equal(apply_grain(portrait.face, bands, planned), portrait.face)


def test_settings_out_of_range_are_refused():
    for wrong in ({"strength": 1.5}, {"limit": 9}, {"noise": -0.1}):
        with pytest.raises(UsageError, match="grain"):
            GrainSettings(**wrong)


def test_measured_now_and_then_holds_in_between(portrait):
    """Of a face that grows softer from frame to frame, sharpening follows when it is measured, and not before."""
    results = {}
    for interval in (1, 3):
        settings = ComposeSettings(
            color="none", temporal=0, color_time=0, grain=GrainSettings(strength=1, noise=0, interval=interval)
        )
        compositor = Compositor(settings)
        results[interval] = []
        for frame in range(7):
            soft = cv2.GaussianBlur(portrait.face, (0, 0), 0.6 + 0.2 * frame)
            results[interval].append(
                compositor.compose(portrait.frame, soft, portrait.mask, portrait.matrix, Fraction(frame, 25))
            )
    same = [bool((one == other).all()) for one, other in zip(results[1], results[3], strict=True)]
    assert same == [True, False, False, True, False, False, True]
    with pytest.raises(UsageError, match="every so many frames"):
        GrainSettings(interval=0)
