"""Tests of resting faces, of the choice of mouths, and of the rendering of one."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.compositing.canvas import Canvas
from effigie.dubbing.lips import DubbedFace
from effigie.dubbing.mouths import Mouth, MouthBank, choose_pictures, cut_mouths
from effigie.dubbing.own_speech import find_own_speech
from effigie.dubbing.renderer import MouthRenderer, lips_mask
from effigie.dubbing.resting_face import RestingFace
from effigie.dubbing.take import read_take
from effigie.faces.analyzer import analyze
from effigie.faces.mesh import fit_pose, middle_lip_gaps
from effigie.heads.speech.checkpoint import load_mouth
from effigie.heads.speech.inference.mouth import MouthTrack
from effigie.media import VideoReader

FRAMES = 12


@pytest.fixture(scope="module")
def frames(man):
    with VideoReader(man, stop=FRAMES) as reader:
        return list(reader), reader.info


@pytest.fixture(scope="module")
def take(frames):
    return read_take(analyze(frames[0], rate=30), frames[1])


@pytest.fixture(scope="module")
def rest(take):
    return RestingFace(take)


def speaking(take, rest, gaps, coefficients=None):
    """The face of a take whose lips part by ``gaps``."""
    model = load_mouth()
    shapes = np.zeros((len(take), len(model.basis)), np.float32) if coefficients is None else coefficients
    track = MouthTrack(shapes, np.asarray(gaps, np.float32), np.ones(len(take), np.float32))
    return DubbedFace(take, rest, track, model, np.ones(len(take), bool))


def test_a_take_knows_who_and_when(take, frames):
    assert len(take) == FRAMES and all(face is not None for face in take.faces)
    assert take.length == frames[0][-1].time + frames[0][-1].duration
    assert list(take.stretches()) == [slice(0, FRAMES)]
    assert take.embeddings.shape == (1, 128) and take.most_faces == 1


def test_at_rest_lips_are_shut_and_all_else_is_the_take(take, rest):
    for index in (0, FRAMES - 1):
        shape, own = rest.resting(index), rest.own(index)
        assert float(middle_lip_gaps(shape)[:, 1].mean()) == pytest.approx(rest.shut_gap, abs=1e-3)
        brow, corner = 105, 33
        assert np.array_equal(shape[[brow, corner]], own[[brow, corner]])


def test_lips_part_as_far_as_wanted_and_no_further_than_ever_seen(take, rest):
    face = speaking(take, rest, np.linspace(0, 4, FRAMES))
    for index in range(0, FRAMES, 4):
        shape = fit_pose(face.target(index)).to_canonical(face.target(index))
        gap = float(middle_lip_gaps(shape)[:, 1].mean())
        assert gap == pytest.approx(float(face.gaps[index]), abs=0.03)
    assert face.limited_count > 0 and face.gaps.max() <= face.most_gap + 1e-5
    near = speaking(take, rest, np.linspace(0, face.most_gap, FRAMES))
    assert (np.diff(near.gaps) > 0).all()  # louder vowels still differ


def test_where_nobody_speaks_the_take_stays(take, rest):
    model = load_mouth()
    silent = MouthTrack(
        np.zeros((FRAMES, len(model.basis)), np.float32), np.zeros(FRAMES, np.float32), np.zeros(FRAMES, np.float32)
    )
    face = DubbedFace(take, rest, silent, model, np.zeros(FRAMES, bool))
    assert not face.shares.any()


def test_openings_that_follow_each_other_are_speech():
    seconds, whole = np.arange(100) / 25, [slice(0, 100)]
    talk = np.where(np.arange(100) < 50, 0.3 * (np.sin(np.arange(100) * 0.9) > 0), 0.0)
    found = find_own_speech(seconds, talk, whole, None)
    assert found[10:45].all() and not found[75:].any()
    assert not find_own_speech(seconds, talk, whole, [(3.0, 4.0)])[:55].any()  # heard nowhere near
    smile = np.where(np.arange(100) > 20, 0.5, 0.0)
    assert not find_own_speech(seconds, smile, whole, None).any()


def test_mouths_that_differ_most_are_chosen():
    features = np.concatenate([np.zeros((50, 2)), [[1, 0], [0, 1], [5, 5]]]).astype(np.float32)
    assert set(choose_pictures(features, 4).tolist()) >= {50, 51, 52}


def bank_of(features, covered=()):
    mouths = [Mouth(np.zeros((4, 4, 3), np.uint8), np.zeros((478, 3)), 1.0, i in covered) for i in range(len(features))]
    return MouthBank(mouths, np.asarray(features, np.float32))


def test_near_mouths_are_used_without_changing_at_every_picture():
    bank = bank_of([[0.0], [1.0]])
    wanted = np.array([[0.0]] * 6 + [[1.0]] * 6 + [[0.45], [0.55]] * 3, np.float32)
    chosen = bank.choose(wanted, 25)
    assert [max(one, key=one.get) for one in chosen[:5]] == [0] * 5
    assert [max(one, key=one.get) for one in chosen[7:]] == [1] * 11
    assert all(sum(one.values()) == pytest.approx(1) for one in chosen)
    assert any(len(one) == 2 for one in chosen[4:8])  # one gives way to the other


def test_a_covered_mouth_is_not_used():
    chosen = bank_of([[0.0], [0.5]], covered={0}).choose(np.zeros((3, 1), np.float32), 25)
    assert all(list(one) == [1] for one in chosen)


@pytest.fixture(scope="module")
def rendered(take, rest, frames):
    """The frame, its canvas with an opened mouth, the mask, the landmarks."""
    face = speaking(take, rest, np.full(FRAMES, 1.0))
    mouths = cut_mouths(iter(frames[0]), [0, 6], take, lambda image, number: False)
    index = 3
    canvas = Canvas(frames[0][index].image)
    mask = MouthRenderer(mouths)(canvas, face.own(index), face.target(index), {0: 0.5, 1: 0.5}, 1.0)
    return frames[0][index].image, canvas.image, mask, face.own(index)


def test_only_the_lower_face_changes(rendered):
    before, after, mask, landmarks = rendered
    changed = (before != after).any(2)
    assert changed.any() and not changed[mask == 0].any()
    rows = np.flatnonzero(mask.any(1))
    nose, chin = landmarks[2, 1], landmarks[152, 1]
    assert changed[: int(landmarks[[33, 263], 1].max())].sum() == 0  # eyes and brows
    assert rows[-1] < chin + 0.9 * (chin - nose)


def test_the_bend_fades_out_without_an_edge(rendered):
    before, after, mask, _ = rendered
    edge = (mask > 0) & (mask < 40)
    assert edge.any() and np.abs(before.astype(int) - after)[edge].mean() < 3


def test_nothing_moves_nothing_changes_but_the_lips(take, rest, frames):
    face = speaking(take, rest, np.zeros(FRAMES))
    own = face.own(2)
    mouths = cut_mouths(iter(frames[0]), [2], take, lambda image, number: False)
    canvas = Canvas(frames[0][2].image)
    mask = MouthRenderer(mouths)(canvas, own, own, {0: 1.0}, 1.0)
    scale = fit_pose(own).scale
    assert not (mask > 0)[lips_mask(own, mask.shape, scale) == 0].any()
    # Its own mouth, put back in its own place.
    assert np.abs(canvas.image.astype(int) - frames[0][2].image).max() <= 24
    assert np.abs(canvas.image.astype(int) - frames[0][2].image)[mask > 0].mean() < 1.5


def test_what_is_covered_stays(take, rest, frames):
    face = speaking(take, rest, np.full(FRAMES, 1.0))
    mouths = cut_mouths(iter(frames[0]), [0], take, lambda image, number: False)
    canvas = Canvas(frames[0][3].image)
    visible = np.ones(canvas.shape[:2], np.float32)
    middle = int(face.own(3)[13, 0])
    visible[:, middle:] = 0
    mask = MouthRenderer(mouths)(canvas, face.own(3), face.target(3), {0: 1.0}, 1.0, visible)
    assert mask[:, :middle].any() and not mask[:, middle:].any()
    assert np.array_equal(canvas.image[:, middle:], frames[0][3].image[:, middle:])
