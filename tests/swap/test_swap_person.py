"""Tests of two people's frames: held-out frames, frames kept for warping, occluded frames."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effigie.errors import FaceSetError
from effigie.faceset import FaceSet
from effigie.prior.frame_bank import FrameFeatures, compute_features, estimate_occlusion, select_frames
from effigie.swap import source_bank
from effigie.swap.checkpoint import load_profiles
from effigie.swap.person_frames import GUARD_FRAMES, MIN_FACES, load_person_frames, split_held_out
from effigie.swap.source_bank import compute_penalty, load_bank
from effigie.swap.trainer import build_bank


def clips_and_frames(lengths, gaps=1):
    clips = np.array([f"clip{index}" for index, length in enumerate(lengths) for _ in range(length)])
    frames = np.array([frame * gaps for length in lengths for frame in range(length)])
    return clips, frames


@given(st.lists(st.integers(1, 400), min_size=1, max_size=4), st.floats(0.05, 0.5), st.integers(1, 3))
def test_held_out_frames_are_apart_from_training(lengths, share, gaps):
    clips, frames = clips_and_frames(lengths, gaps)
    training, held_out = split_held_out(clips, frames, share)
    assert set(training).isdisjoint(held_out)
    assert len(held_out) >= 1 or len(clips) < 10
    if len(clips) < 200:
        return  # so short that keeping enough to train on comes first
    assert abs(len(held_out) / len(clips) - max(1, round(share * 10)) / 10) < 0.02
    for row in held_out:
        same = training[clips[training] == clips[row]]
        assert not same.size or np.abs(frames[same] - frames[row]).min() > GUARD_FRAMES


def test_the_gap_costs_only_what_lies_in_it():
    clips, frames = clips_and_frames([1000])
    training, held_out = split_held_out(clips, frames, 0.1)
    assert len(held_out) == 100
    assert len(training) == 900 - 2 * GUARD_FRAMES
    assert np.array_equal(np.sort(training), training)


def test_short_footage_still_trains():
    training, held_out = split_held_out(*clips_and_frames([MIN_FACES]), 0.1)
    assert len(training) >= MIN_FACES // 2
    assert len(held_out) >= 1


@pytest.fixture(scope="module")
def footage(man_faces):
    return load_person_frames(str(man_faces), "target", None, 0.1)


def test_a_person_is_described(footage):
    person = footage.person
    assert person.shape.shape == (478, 3)
    assert 5.5 < np.linalg.norm(person.shape[33] - person.shape[263]) < 12  # cm between the eyes' outer corners
    assert 0.1 < person.max_eye_opening < 0.6
    assert np.isclose(np.linalg.norm(person.embedding), 1, atol=1e-5)
    assert len(footage.geometries) == 72
    for geometry in footage.geometries[::20]:
        assert np.allclose(geometry.pose.apply(geometry.unposed), geometry.landmarks, atol=1e-3)


def test_nobody_and_too_few(man_faces, tmp_path, man):
    import effigie
    from effigie.extraction import ExtractSettings

    with pytest.raises(FaceSetError, match="counted from 0"):
        load_person_frames(str(man_faces), "source", 1, 0.1)
    effigie.extract([man], tmp_path / "few", ExtractSettings(frame_interval=12))
    with pytest.raises(FaceSetError, match="only 6 faces of the source"):
        load_person_frames(str(tmp_path / "few"), "source", None, 0.1)


def features_of(points):
    return FrameFeatures(points, points[:, :2], points[:, :1])


def test_choose_is_the_same_every_time_and_spreads():
    """A thousand frames of rest, and twenty far from it: most of the chosen are of the twenty."""
    random = np.random.default_rng(0)
    points = np.concatenate([random.normal(0, 0.05, (1000, 3)), random.uniform(-5, 5, (20, 3))])
    found = features_of(points)
    chosen = select_frames(found, np.zeros(1020), 30)
    assert np.array_equal(chosen, select_frames(found, np.zeros(1020), 30))
    assert len(set(chosen.tolist())) == 30
    assert (chosen >= 1000).sum() >= 18
    assert np.array_equal(chosen, np.sort(chosen))


def test_choose_avoids_poor_frames():
    points = np.random.default_rng(0).uniform(-1, 1, (200, 3))
    penalty = np.where(np.arange(200) % 2, 4.0, 0.0)
    chosen = select_frames(features_of(points), penalty, 60)
    assert (chosen % 2 == 0).mean() > 0.9


def test_choose_takes_all_if_there_are_few():
    points = np.random.default_rng(0).uniform(-1, 1, (7, 3))
    assert select_frames(features_of(points), np.zeros(7), 50).tolist() == list(range(7))


def test_a_hand_over_the_face_is_noticed_and_not_kept(footage):
    """A patch of the person's own skin over cheek and jaw in every twelfth frame."""
    covered = list(range(5, 72, 12))

    def read(index):
        picture = footage.crop(index).copy()
        if index in covered:
            unit = len(picture) // 32
            skin = picture[19 * unit : 20 * unit, 12 * unit : 13 * unit].reshape(-1, 3).mean(0)
            picture[12 * unit : 24 * unit, 15 * unit : 23 * unit] = skin
        return picture

    strange = estimate_occlusion(read, footage.geometries, footage.person)
    others = [index for index in range(72) if index not in covered]
    assert strange[covered].min() > 0.02
    assert strange[covered].min() > 3 * np.median(strange[others])
    assert sorted(np.argsort(-strange)[: len(covered)].tolist()) == covered
    penalty = compute_penalty(read, footage.geometries, footage.person, footage.faces["sharpness"])
    kept = select_frames(
        compute_features(footage.geometries, footage.faces["blendshapes"], footage.person), penalty, 36
    )
    assert set(kept.tolist()).isdisjoint(covered)


def test_the_bank_is_a_choice_of_training_frames(footage):
    bank, rows = build_bank(footage, 24)
    assert len(bank.geometries) == len(rows) == len(bank.penalty) == 24
    assert set(rows) <= set(footage.training)
    assert np.array_equal(bank.read(3), footage.crop(int(rows[3])))
    again, same = build_bank(footage, 24)
    assert np.array_equal(rows, same)
    assert np.array_equal(again.penalty, bank.penalty)


def test_two_people_are_told_apart(man_faces, woman_faces, tmp_path):
    """The error names both, with their numbers, and says how to choose; a number then chooses."""
    import shutil

    shutil.copytree(woman_faces, tmp_path / "mixed")
    source = FaceSet.open(man_faces)
    mixed = FaceSet.open(tmp_path / "mixed")
    (info,) = source.sources.values()
    with mixed.writer(info) as writer:
        writer.write(source.records())
    with pytest.raises(FaceSetError) as caught:
        load_person_frames(str(tmp_path / "mixed"), "source", None, 0.1)
    message = str(caught.value)
    assert "\n" not in message
    assert "2 people" in message
    assert "0: 96 faces" in message
    assert "1: 72 faces" in message
    assert "--source-person" in message
    assert "effigie faces drop" in message
    chosen = load_person_frames(str(tmp_path / "mixed"), "source", 1, 0.1)
    assert len(chosen.faces) == 72


def test_penalties_lie_in_the_model_and_are_measured_where_they_do_not(model, tmp_path, monkeypatch):
    """The same ones, whether stored, measured, or kept in the cache; of another bank none are believed."""
    monkeypatch.setenv("EFFIGIE_CACHE", str(tmp_path / "cache"))
    folder = shutil.copytree(model, tmp_path / "model")
    measured = []
    monkeypatch.setattr(
        source_bank, "compute_penalty", lambda *arguments: measured.append(1) or compute_penalty(*arguments)
    )
    person = load_profiles(folder)[0]
    stored = load_bank(folder / "bank", person).penalty
    assert not measured
    (folder / "penalties.json").unlink()
    assert np.array_equal(load_bank(folder / "bank", person).penalty, stored)
    assert np.array_equal(load_bank(folder / "bank", person).penalty, stored)
    assert len(measured) == 1
    record = {"bank": "0" * 64, "penalty": [9.0] * len(stored)}
    for text in (json.dumps(record), "[]", "{}"):
        (folder / "penalties.json").write_text(text)
        assert np.array_equal(load_bank(folder / "bank", person).penalty, stored)
