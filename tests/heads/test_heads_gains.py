"""Tests of gains: single movements asked for more strongly, as far as a mouth can, and fitted by reading pictures."""

from __future__ import annotations

import numpy as np
import pytest
from driven import build_motion

from effigie.assets import fetch_asset
from effigie.faces.align import compute_placement, crop_matrix
from effigie.faces.crop import apply_affine
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import LEFT_BROW, LEFT_EYE, RIGHT_EYE, fit_pose, mouth_opening
from effigie.heads.inference.face_search import find_faces
from effigie.heads.inference.neural_renderer import keep_mouth_interior
from effigie.heads.inference.portrait import read_portraits
from effigie.heads.inference.response import fit_gains, measure_movements
from effigie.heads.inference.subject import render_geometry
from effigie.heads.motion.controls import Controls
from effigie.heads.motion.features import LOWER_LIP, UPPER_LIP, LipField, lip_gaps
from effigie.heads.motion.gains import CORNERS, EYE_CORNERS_APART, Gains, limit_mouth_width
from effigie.heads.motion.motion import read_motion
from effigie.heads.motion.retarget import Retargeter
from effigie.heads.warp.scene import PortraitWarp

pytestmark = pytest.mark.slow

NOW = Controls(ease=0)


@pytest.fixture(scope="module")
def man_portrait():
    (portrait,) = read_portraits(fetch_asset("sample_man"))
    return portrait


@pytest.fixture(scope="module")
def own(man_portrait):
    """(478, 3) px of the man, mouth shut."""
    return man_portrait.landmarks.astype(np.float64)


def changed(landmarks, change):
    pose = fit_pose(landmarks)
    shape = pose.to_canonical(landmarks)
    change(shape)
    return pose.apply(shape)


def smiled(shape, cm=0.4):
    first, last = CORNERS
    shape[first, 0] -= cm
    shape[last, 0] += cm


def opened(shape, cm=1.0):
    shape[LOWER_LIP, 1] -= cm


def moved(own, change, gains):
    """Unposed shape of the portrait when a driver with its own face changes."""
    retarget = Retargeter(own, build_motion(np.stack([own, changed(own, change)])), NOW, gains=gains)
    return fit_pose(own).to_canonical(retarget(1).astype(np.float64))


def mouth_width(shape):
    return float(np.linalg.norm(np.subtract(*shape[[*CORNERS], :2])))


def test_a_gain_multiplies_its_own_movement_and_no_other(own):
    rest = fit_pose(own).to_canonical(own)
    plain, more = (moved(own, smiled, gains) for gains in (Gains(), Gains(smile=1.5)))
    assert mouth_width(plain) - mouth_width(rest) == pytest.approx(0.8, rel=0.02)
    assert mouth_width(more) - mouth_width(rest) == pytest.approx(1.2, rel=0.02)
    upper = np.flatnonzero(rest[:468, 1] > 2)
    assert np.abs(more[upper] - plain[upper]).max() < 1e-3

    def frowned(shape):
        shape[LEFT_BROW, 1] += 0.4

    plain, more = (moved(own, frowned, gains) for gains in (Gains(), Gains(brows=1.5)))
    ratio = (more - rest)[LEFT_BROW, 1] / (plain - rest)[LEFT_BROW, 1]
    assert ratio == pytest.approx(1.5, rel=0.02)
    assert np.abs(more[[*CORNERS]] - plain[[*CORNERS]]).max() < 1e-3


@pytest.mark.parametrize("gain", [0.7, 1.3])
def test_lips_part_by_the_gain_and_shut_lips_stay_shut(own, gain):
    gap = lip_gaps(moved(own, opened, Gains(mouth=gain)))[4, 1]
    assert gap == pytest.approx(gain * 1.0, rel=0.05, abs=0.03)
    shut = moved(own, lambda shape: None, Gains(mouth=gain))
    assert np.abs(lip_gaps(shut) - lip_gaps(fit_pose(own).to_canonical(own))).max() < 1e-3


def test_a_mouth_goes_no_further_than_a_drivers_can(own):
    rest = mouth_width(fit_pose(own).to_canonical(own))
    broad = mouth_width(moved(own, lambda shape: smiled(shape, 1.2), Gains(smile=2.0)))
    driver = (rest + 2.4) / rest
    assert broad / rest <= max(1.35, 1.1 * driver) + 1e-6
    slight = mouth_width(moved(own, lambda shape: smiled(shape, 0.2), Gains(smile=4.0)))
    assert slight / rest <= 1.35 + 1e-6


def test_who_smiles_already_does_not_smile_twice():
    """Eye corners 9 cm apart: a calm mouth may widen by a third, one in a broad smile hardly at all."""
    calm = np.zeros((478, 3))
    calm[list(EYE_CORNERS_APART), 0] = -4.5, 4.5
    calm[list(CORNERS), 0] = -2.5, 2.5
    smiling = calm.copy()
    smiling[list(CORNERS), 0] = -3.4, 3.4
    wider = np.zeros((478, 3))
    wider[list(CORNERS), 0] = -0.8, 0.8
    widths = [np.ptp((own + limit_mouth_width(own, wider, 0.7, 1.5))[list(CORNERS), 0]) for own in (calm, smiling)]
    assert 6.4 < widths[0] < 6.7
    assert 6.8 < widths[1] < 7.3


def test_lips_that_touch_get_the_gap_that_is_wanted(own):
    """On a shut mouth the correction of one lip took the other along, and the gap stayed as it was."""
    shape = fit_pose(own).to_canonical(own)
    middle = (shape[UPPER_LIP] + shape[LOWER_LIP]) / 2
    shape[UPPER_LIP] = shape[LOWER_LIP] = middle
    field = LipField.from_shape(shape)
    wanted = np.tile([0.0, 0.8, 0.1], (9, 1))
    field.move(shape, wanted)
    assert np.abs(lip_gaps(shape) - wanted).max() < 1e-9


def test_a_driver_who_does_nothing_needs_no_gain(own, man_portrait):
    motion = build_motion(np.stack([own] * 6))
    size = man_portrait.image.shape[1::-1]
    assert fit_gains(own, motion, size, lambda: lambda landmarks, index: man_portrait.image) == Gains()


def test_fitted_gains_make_the_smile_arrive(man_portrait):
    """The man as the woman drives him: read from the pictures, smile and opening are nearer to hers than without."""
    motion = read_motion(fetch_asset("sample_woman"), max_frames=120)
    warp = PortraitWarp(man_portrait.image, man_portrait.landmarks, still_background=True)
    size = man_portrait.image.shape[1::-1]

    def show(landmarks, index):
        return render_geometry(warp.render(landmarks), landmarks, index)[0]

    gains = fit_gains(man_portrait.landmarks, motion, size, lambda: show)
    assert gains.smile > 1.1 and 0.7 <= gains.mouth <= 1.5

    def slope(gains):
        retarget, read, driver = Retargeter(man_portrait.landmarks, motion, NOW, size, gains), [], []
        for index in range(0, 120, 6):
            ((face, *_), _) = find_faces(show(retarget(index), index))
            read.append(measure_movements(face.landmarks.astype(np.float64))[0])
            driver.append(measure_movements(motion.landmarks(index))[0])
        return np.polyfit(driver, read, 1)[0]

    without, fitted = slope(Gains()), slope(gains)
    assert abs(np.log(fitted)) < abs(np.log(without))


def test_invented_teeth_are_not_one_shape(man_portrait):
    """Along the upper row light changes from tooth to tooth, and there is a row below."""
    portrait = man_portrait.resize(3 * man_portrait.image.shape[1], 3 * man_portrait.image.shape[0])
    landmarks = portrait.landmarks.astype(np.float64)
    target = changed(landmarks, lambda shape: opened(shape, 0.9))
    made = PortraitWarp(portrait.image, landmarks, still_background=False).render(target).image
    assert mouth_opening(target) > 0.1
    scale = fit_pose(landmarks).scale
    x, y = target[13, :2]
    row = made[round(y + 0.08 * scale), round(x - 1.4 * scale) : round(x + 1.4 * scale)].mean(1)
    gaps = (row[1:-1] < row[:-2]) & (row[1:-1] <= row[2:]) & (row[1:-1] < np.percentile(row, 60))
    assert gaps.sum() >= 3


def test_teeth_in_dark_skin_are_as_bright_as_the_light_is(man_portrait):
    """Skin of a third of the brightness says little of the light, the whites of the eyes do."""
    portrait = man_portrait.resize(3 * man_portrait.image.shape[1], 3 * man_portrait.image.shape[0])
    landmarks = portrait.landmarks.astype(np.float64)
    eyes = sum(polygon_mask(landmarks[eye, :2], *portrait.image.shape[:2]) for eye in (LEFT_EYE, RIGHT_EYE))
    skin = (portrait.image * (1 / 3 + 2 / 3 * eyes[..., None])).astype(np.uint8)
    x, y = landmarks[13, :2].astype(int)

    def teeth(image):
        target = changed(landmarks, lambda shape: opened(shape, 0.9))
        made = PortraitWarp(image, landmarks, still_background=False).render(target).image
        return np.percentile(made[y - 10 : y + 60, x - 60 : x + 60].mean(2), 99)

    assert 0.42 * teeth(portrait.image) < teeth(skin) < 0.8 * teeth(portrait.image)


def test_a_white_mouth_made_by_a_network_gets_the_warped_one(own):
    target = changed(own, opened)
    place = compute_placement(fit_pose(target))
    landmarks = apply_affine(crop_matrix(place, 256).astype(np.float64), target)
    white, striped = np.ones((256, 256, 3), np.float32), np.zeros((256, 256, 3), np.float32)
    striped[:, ::4] = 0.8
    kept = keep_mouth_interior(white, striped, landmarks)
    x, y = landmarks[[13, 14], :2].mean(0).astype(int)
    inside = kept[y, x - 8 : x + 8, 0]
    assert np.ptp(inside) > 0.6 and inside.min() < 0.2
    assert np.array_equal(kept[: int(landmarks[4, 1])], white[: int(landmarks[4, 1])])
