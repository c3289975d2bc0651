"""Tests that a fringe in the source's frames is not pasted onto the target's forehead, while brows and eyes are."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from effigie.faces.warp import MeshWarper
from effigie.occlusion.hair_strands import find_hair_strands
from effigie.occlusion.predictor import VisibilityPredictor
from effigie.occlusion.synthetic.canvas import OccluderScene
from effigie.occlusion.synthetic.occluders import draw_occluder
from effigie.occlusion.synthetic.visibility_labels import certain_face_mask
from effigie.prior.frame_bank import FrameBank
from effigie.prior.render import render
from effigie.prior.selector import REGIONS
from effigie.swap.inference.source.visibility import SourceVisibility
from effigie.swap.person_frames import load_person_frames
from effigie.swap.trainer import build_bank

SIDE = 160


@pytest.fixture(scope="module")
def bank(few_faces):
    return build_bank(load_person_frames(str(few_faces[1]), "target", None, 0.1), 8)[0]


def fringed(bank: FrameBank) -> tuple[FrameBank, np.ndarray]:
    """The same frames with a painted fringe, and where it hangs over the forehead, (SIDE, SIDE) bool."""
    size, landmarks = bank.read(0).shape[0], bank.geometries[0].landmarks[:, :2].astype(np.float32)
    stage = OccluderScene(size, landmarks, np.full(3, 0.6, np.float32), np.array([0, -0.7, 0.7], np.float32), _plain)
    there = forehead(wanted_of(bank))
    for seed in range(200):
        layer = draw_occluder(np.random.default_rng(seed), stage, "hair")
        over = (cv2.resize(layer.alpha, (SIDE, SIDE)) > 0.9) & there
        if 0.3 < over.sum() / there.sum() < 0.8:
            break

    def read(index):
        painted = bank.read(index) / 255 * (1 - layer.alpha[..., None]) + layer.color * layer.alpha[..., None]
        return (255 * np.clip(painted, 0, 1)).astype(np.uint8)

    return replace(bank, read=read), over


def _plain(random):
    return np.full((64, 64, 3), 0.3, np.float32)


def wanted_of(bank):
    scale = SIDE / bank.read(0).shape[0]
    return bank.geometries[0].landmarks * scale + (scale - 1) / 2


def own(bank, line, weights, wanted):
    warper = MeshWarper(wanted, SIDE)
    prior = render(bank, dict.fromkeys(REGIONS, weights), warper, line.warp_with_visibility(warper))
    assert prior.picture.shape == (SIDE, SIDE, 3)
    return line(prior, warper)


def forehead(landmarks):
    above = np.zeros((SIDE, SIDE), bool)
    rows = slice(int(landmarks[10, 1]) + 4, int(landmarks[[105, 334], 1].min()) - 6)
    above[rows, int(landmarks[104, 0]) : int(landmarks[333, 0])] = True
    return above


def test_a_fringe_is_left_out_and_what_is_below_the_brows_is_not(bank):
    wanted, visibility = wanted_of(bank), VisibilityPredictor()
    plain = own(bank, SourceVisibility(bank, visibility), {0: 1.0}, wanted)
    painted, over = fringed(bank)
    covered = own(painted, SourceVisibility(painted, visibility), {0: 1.0}, wanted)
    there, below = forehead(wanted), certain_face_mask(wanted, SIDE)
    assert over.sum() > 100
    assert plain.shape == (SIDE, SIDE)
    assert plain[there].mean() > 0.85
    assert covered[over].mean() < 0.35
    rim, inner = (cv2.erode(below.astype(np.uint8), np.ones((side, side))) > 0 for side in (SIDE // 10, SIDE // 4))
    assert np.quantile(plain[rim], 0.02) > 0.8
    assert covered[inner].mean() > 0.9  # hair may hang over the rim


def test_frames_that_fade_into_each_other_are_mixed(bank):
    wanted, visibility = wanted_of(bank), VisibilityPredictor()

    painted, over = fringed(bank)
    mixed = FrameBank(
        lambda index: (painted if index else bank).read(0),
        [bank.geometries[0]] * 2,
        bank.features[:2],
        bank.penalty[:2],
    )
    line = SourceVisibility(mixed, visibility)
    shares = [own(mixed, line, {0: 1 - w, 1: w}, wanted)[over].mean() for w in (0.0, 0.25, 1.0)]
    assert shares[0] > shares[1] > shares[2]
    assert set(line._cache) == {0, 1}


def test_strands_beside_the_cheeks_are_left_out_and_shadow_is_not(bank):
    landmarks, picture = wanted_of(bank), cv2.resize(bank.read(0), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    outline, cheek = round(landmarks[234, 0]), landmarks[50, 0]  # the picture's left one
    nose = round(landmarks[4, 1])
    bare = find_hair_strands(picture, landmarks)

    strand = picture.copy()
    column = round(0.6 * outline + 0.4 * cheek)
    cv2.line(strand, (column, nose - 20), (column + 2, nose + 20), (20, 15, 10), 3)
    found = find_hair_strands(strand, landmarks)
    assert found[nose - 15 : nose + 15, outline + 4 : column].mean() > 0.9  # all that lies beyond it, too
    assert not found[:, column + 6 : round(landmarks[4, 0])].any()

    shaded = picture.copy()
    shaded[:, : column + 1] //= 2  # dark on one side only, as shadow and beards are
    assert (find_hair_strands(shaded, landmarks) & ~bare).mean() < 0.002

    painted = replace(bank, read=lambda index: cv2.resize(strand, (bank.read(index).shape[0],) * 2))
    mask = own(painted, SourceVisibility(painted, VisibilityPredictor()), {0: 1.0}, landmarks)
    assert mask[nose - 12 : nose + 12, column].max() < 0.5
