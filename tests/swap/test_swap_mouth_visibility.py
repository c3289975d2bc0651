"""Tests of the frames whose mouth is covered: they are told apart, and kept out of the bank."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from effigie.swap.mouth_visibility import MIN_MOUTH_VISIBILITY, measure_mouth_visibility
from effigie.swap.person_frames import load_person_frames
from effigie.swap.trainer import build_bank


@pytest.fixture(scope="module")
def footage(few_faces):
    return load_person_frames(str(few_faces[1]), "target", None, 0.1)


def covered(picture, landmarks):
    """A board before the mouth and the chin."""
    board = picture.copy()
    low, high = landmarks[[61, 291], :2].min(0), landmarks[[61, 291], :2].max(0)
    width = high[0] - low[0]
    corner = (int(low[0] - width), int(low[1] - 0.5 * width))
    cv2.rectangle(board, corner, (int(high[0] + width), picture.shape[0]), (90, 70, 200), -1)
    return board


def test_a_covered_mouth_is_seen_to_be_covered(footage):
    rows = footage.training[:6]
    geometries = [footage.geometries[row] for row in rows]
    bare = measure_mouth_visibility(lambda index: footage.crop(int(rows[index])), geometries)
    boards = measure_mouth_visibility(
        lambda index: covered(footage.crop(int(rows[index])), geometries[index].landmarks), geometries
    )
    assert (bare > MIN_MOUTH_VISIBILITY).mean() > 0.5
    assert (boards < 0.5).all()


class WithBoards:
    """The footage, half of its frames with a board before the mouth."""

    def __init__(self, footage, rows):
        self._footage, self._rows = footage, set(rows)

    def __getattr__(self, name):
        return getattr(self._footage, name)

    def crop(self, index):
        picture = self._footage.crop(index)
        return covered(picture, self._footage.geometries[index].landmarks) if index in self._rows else picture


def test_covered_frames_are_kept_out_of_the_bank(footage):
    bare, _ = build_bank(footage, 400)
    boards = footage.training[::2]
    _, rows = build_bank(WithBoards(footage, boards.tolist()), 400)
    assert len(rows) < len(bare.geometries)
    assert not set(rows) & set(boards)


def test_one_frame_is_a_bank_whatever_it_shows(footage):
    one = replace(footage, training=footage.training[:1])
    bank, rows = build_bank(WithBoards(one, one.training.tolist()), 400)
    assert np.array_equal(rows, one.training) and len(bank.geometries) == 1


def test_a_covered_mouth_is_no_calm_one(footage):
    from effigie.swap.mouth_visibility import COVERED, penalize_covered_mouths

    rows = footage.training
    geometries, blendshapes = [footage.geometries[row] for row in rows], footage.faces["blendshapes"][rows]
    boards = WithBoards(footage, rows[::2].tolist())
    penalty = penalize_covered_mouths(lambda index: boards.crop(int(rows[index])), geometries, blendshapes)
    assert (penalty[::2] == COVERED).any()
    assert (penalty[1::2] == 0).mean() > 0.5
