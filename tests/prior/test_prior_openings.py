"""Tests of lids and lips that meet, and of what counts as a calm face."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.faces.landmarker import BLENDSHAPES
from effigie.faces.mesh import LID_PAIRS, LOWER_LIP, UPPER_LIP, eye_distance, eye_opening, mouth_opening
from effigie.prior.frame_bank import FaceGeometry, estimate_profile, lip_gap
from effigie.prior.openings import close_lids, seal_openings


def with_lips(landmarks, gap):
    """The landmarks with the inner lips ``gap`` px apart at every pair."""
    moved = landmarks.copy()
    middle = (landmarks[UPPER_LIP] + landmarks[LOWER_LIP]) / 2
    moved[UPPER_LIP], moved[LOWER_LIP] = middle, middle
    moved[UPPER_LIP, 1] -= gap / 2
    moved[LOWER_LIP, 1] += gap / 2
    return moved


def with_lids(landmarks, share):
    """The landmarks with all lid gaps times ``share``."""
    moved = landmarks.copy()
    for upper, lower in LID_PAIRS:
        middle = (landmarks[upper] + landmarks[lower]) / 2
        for edge in (upper, lower):
            moved[edge] = middle + share * (landmarks[edge] - middle)
    return moved


@pytest.fixture(scope="module")
def face(man_faces):
    from effigie.faceset import FaceSet

    return FaceSet.open(man_faces).load(("landmarks",))["landmarks"][0].astype(np.float64)


def test_parted_lips_are_taken_from_their_skin_where_they_are_to_be_shut(face):
    parted = with_lips(face, 4.0)
    sealed = seal_openings(parted, with_lips(face, 0.0))
    middle = slice(2, 7)  # at the corners the lips are thinner than the gap
    assert (sealed[UPPER_LIP, 1] < parted[UPPER_LIP, 1])[middle].all()
    assert (sealed[LOWER_LIP, 1] > parted[LOWER_LIP, 1])[middle].all()
    lids = [edge for pair in LID_PAIRS for edge in pair]
    others = np.setdiff1d(np.arange(478), np.concatenate([UPPER_LIP, LOWER_LIP, *lids]))
    assert np.array_equal(sealed[others], parted[others])


def test_lips_that_stay_as_they_are_stay(face):
    for gap in (0.0, 25.0):
        lips = with_lips(face, gap)
        assert seal_openings(lips, lips)[UPPER_LIP] == pytest.approx(lips[UPPER_LIP])


def test_open_lids_are_taken_from_their_skin_and_shut_ones_show_their_own_lashes(face):
    shut = with_lids(face, 0.02)
    upper, lower = LID_PAIRS[0]
    sealed = seal_openings(face, shut)
    assert (
        np.linalg.norm(sealed[upper, :2] - sealed[lower, :2], axis=1)
        > 1.02 * np.linalg.norm(face[upper, :2] - face[lower, :2], axis=1)
    ).all()
    assert seal_openings(shut, shut)[upper] == pytest.approx(shut[upper])


def test_nearly_shut_lids_meet_and_open_ones_stay(face):
    assert eye_opening(face) > 0.16
    assert close_lids(face) == pytest.approx(face)
    nearly = with_lids(face, 0.04 / eye_opening(face))
    assert eye_opening(close_lids(nearly)) == pytest.approx(0, abs=1e-6)
    openings = [eye_opening(close_lids(with_lids(face, share))) for share in np.linspace(0.1, 1, 10)]
    assert (np.diff(openings) >= 0).all()


def test_the_calm_face_of_a_talker_has_shut_lips(face):
    """By blendshapes alone the frames with parted lips are the calmest."""
    unit = eye_distance(face)
    talking, shut = (FaceGeometry.from_landmarks(with_lips(face, share * unit)) for share in (0.12, 0.005))
    blendshapes = np.zeros((40, len(BLENDSHAPES)))
    blendshapes[30:, BLENDSHAPES.index("mouthFrownLeft")] = 0.3
    embeddings = np.eye(40, 128)
    profile = estimate_profile([talking] * 30 + [shut] * 10, blendshapes, embeddings)
    assert lip_gap(talking.unposed) > 0.5
    assert lip_gap(profile.shape) == pytest.approx(lip_gap(shut.unposed), abs=0.02)
    assert mouth_opening(profile.shape) < 0.1


def test_somebody_who_was_never_filmed_with_shut_lips_gets_them(face):
    talking = FaceGeometry.from_landmarks(with_lips(face, 0.12 * eye_distance(face)))
    profile = estimate_profile([talking] * 20, np.zeros((20, len(BLENDSHAPES))), np.eye(20, 128))
    assert lip_gap(profile.shape) < 0.1
    moved = profile.shape - talking.unposed
    assert moved[152, 1] > 0.2 > 0.01 > np.abs(moved[[168, 33, 263]]).max()  # the chin comes up, eyes and nose stay
