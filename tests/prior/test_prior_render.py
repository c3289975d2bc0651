"""Tests of the geometric prior: which source frame is selected, cross-fades, and the rendered picture."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.faces.mesh import FACE_OVAL, eye_distance, fit_pose, mouth_opening
from effigie.faces.warp import MeshWarper
from effigie.prior.frame_bank import FrameBank, FrameFeatures, compute_features
from effigie.prior.openings import close_lids
from effigie.prior.render import render
from effigie.prior.selector import REGIONS, SWITCH_MARGIN_CM, FrameSelector, select_nearest
from effigie.swap.person_frames import load_person_frames
from effigie.swap.shape_retarget import ShapeRetarget
from effigie.swap.trainer import build_bank

RATE = 25.0


def line_bank(positions, penalty=None):
    """A bank whose frames lie on a line; nothing is read from it."""
    points = np.array(positions, float)[:, None]
    features_ = FrameFeatures(points, points, points)
    return FrameBank(
        lambda index: np.zeros((4, 4, 3), np.uint8),
        [],
        features_,
        np.zeros(len(points)) if penalty is None else penalty,
    )


def at(position):
    point = np.array([[float(position)]])
    return FrameFeatures(point, point, point)


def total(weights):
    return sum(weights.values())


def test_nearest_is_nearest():
    bank = line_bank([0, 1, 2, 3])
    assert select_nearest(bank, at(1.9)) == {region: {2: 1.0} for region in REGIONS}
    allowed = np.array([True, True, False, False])
    assert select_nearest(bank, at(2.4), allowed) == {region: {1: 1.0} for region in REGIONS}
    covered = line_bank([0, 1, 2, 3], np.array([0, 0, 9.0, 0]))
    assert select_nearest(covered, at(2.1))["face"] == {3: 1.0}


def test_noise_does_not_flip_the_choice():
    """Half way between two frames, with noise below the margin for a change."""
    random = np.random.default_rng(0)
    chooser = FrameSelector(line_bank([0, 1]), RATE)
    seen = {region: set() for region in REGIONS}
    for _ in range(200):
        layers = chooser(at(0.5 + random.uniform(-1, 1) * 0.45 * min(SWITCH_MARGIN_CM.values())))
        for region in REGIONS:
            seen[region] |= set(layers[region])
            assert total(layers[region]) == pytest.approx(1)
    assert all(len(frames) == 1 for frames in seen.values())


@pytest.mark.parametrize("rate", [12.0, 25.0, 60.0])
def test_a_change_is_a_fade_of_a_fixed_time(rate):
    chooser = FrameSelector(line_bank([0, 1]), rate)
    chooser(at(0))
    history = []
    for _ in range(int(rate)):
        layers = chooser(at(1))
        for region in REGIONS:
            assert total(layers[region]) == pytest.approx(1)
            assert min(layers[region].values()) > 0
        history.append(layers["face"].get(1, 0.0))
    assert history[-1] == 1.0
    steps = np.diff([0.0, *history])
    assert (steps >= -1e-9).all()
    seconds = (history.index(1.0) + 1) / rate
    assert 0.2 < seconds < 0.45
    assert steps.max() < 0.35


def test_a_walk_keeps_its_weights_whole():
    random = np.random.default_rng(1)
    chooser = FrameSelector(line_bank(np.linspace(0, 5, 30)), RATE)
    position = 2.0
    for _ in range(300):
        position = np.clip(position + random.normal(0, 0.5), 0, 5)
        layers = chooser(at(position))
        for region in REGIONS:
            assert total(layers[region]) == pytest.approx(1)
            assert all(0 < weight <= 1 for weight in layers[region].values())


def test_after_a_cut_nothing_fades():
    chooser = FrameSelector(line_bank([0, 1]), RATE)
    chooser(at(0))
    chooser.reset()
    assert chooser(at(1)) == {region: {1: 1.0} for region in REGIONS}


@pytest.fixture(scope="module")
def man_footage(man_faces):
    return load_person_frames(str(man_faces), "target", None, 0.1)


@pytest.fixture(scope="module")
def woman_footage(woman_faces):
    return load_person_frames(str(woman_faces), "source", None, 0.1)


def test_retargeting_keeps_the_pose_and_the_mouth(man_footage, woman_footage):
    retarget = ShapeRetarget.from_profiles(man_footage.person, woman_footage.person)
    same = ShapeRetarget.from_profiles(man_footage.person, man_footage.person)
    before = np.array([mouth_opening(geometry.landmarks) for geometry in man_footage.geometries])
    after = []
    for geometry in man_footage.geometries:
        assert np.allclose(same(geometry), close_lids(geometry.landmarks), atol=1e-2)
        wanted = retarget(geometry)
        pose = fit_pose(wanted)
        assert np.abs(pose.angles - geometry.pose.angles).max() < 4
        unit = eye_distance(geometry.landmarks)
        assert np.abs(pose.translation - geometry.pose.translation)[:2].max() < 0.12 * unit
        moved = np.linalg.norm(wanted[:, :2] - geometry.landmarks[:, :2], axis=1)
        assert moved[FACE_OVAL].mean() < 0.12 * unit
        after.append(mouth_opening(wanted))
    assert np.corrcoef(before, after)[0, 1] > 0.97


def test_retargeting_goes_toward_the_source(man_footage, woman_footage):
    retarget = ShapeRetarget.from_profiles(man_footage.person, woman_footage.person)
    own = man_footage.person.shape
    toward = woman_footage.person.shape - own
    assert (retarget.shift * toward).sum() > 0.2 * (toward**2).sum()


def test_the_prior_restores_a_frame_of_its_own_bank(woman_footage):
    """Asked for the geometry of one of its frames, it gives that frame."""
    bank, rows = build_bank(woman_footage, 16)
    index, size = 5, woman_footage.faces.crop_size
    geometry = woman_footage.geometries[rows[index]]
    shown = woman_footage.faces["blendshapes"][rows[index]][None]
    wanted = compute_features([geometry], shown, woman_footage.person)
    layers = select_nearest(bank, wanted)
    made = render(bank, {region: {index: 1.0} for region in REGIONS}, MeshWarper(geometry.landmarks, size))
    truth = woman_footage.crop(int(rows[index])).astype(float)
    inside = made.visibility > 0.95
    assert inside.mean() > 0.2
    assert np.abs(made.picture - truth)[inside].mean() < 2
    assert layers == {region: {index: 1.0} for region in REGIONS}
    assert made.picture.shape == (size, size, 3)


def test_layers_are_joined_without_a_step(woman_footage, man_footage):
    """Face, mouth and eyes out of different frames: valid where the face is, finite, and in range."""
    bank, _ = build_bank(woman_footage, 16)
    retarget = ShapeRetarget.from_profiles(man_footage.person, woman_footage.person)
    wanted = retarget(man_footage.geometries[30])
    made = render(bank, {"face": {0: 0.5, 7: 0.5}, "mouth": {3: 1.0}, "eyes": {11: 1.0}}, MeshWarper(wanted, 128))
    assert np.isfinite(made.picture).all()
    assert made.visibility.min() >= 0
    assert made.visibility.max() <= 1 + 1e-5
    assert (made.visibility > 0.5).mean() > 0.15
