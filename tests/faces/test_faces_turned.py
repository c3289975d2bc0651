"""Tests of pictures and clips that stand upside down or on their side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from effigie.faces import tracker as tracker_module
from effigie.faces.mesh import eye_distance, fit_pose
from effigie.faces.quarter_turns import count_quarter_turns, turn_points, turn_pose
from effigie.faces.recognizer import IdentityModel
from effigie.faces.tracker import Tracker
from effigie.heads.inference.portrait import read_portraits
from effigie.heads.motion.motion import read_motion
from effigie.media import EncodeSettings, VideoReader, VideoWriter
from effigie.media.pictures.writer import write_still
from effigie.swap import ConvertSettings, convert


def turn_clip(clip, output, turns, frames):
    with VideoReader(clip, stop=frames) as reader:
        pictures = [np.ascontiguousarray(np.rot90(frame.image, turns)) for frame in reader]
        info = reader.info
    height, width = pictures[0].shape[:2]
    with VideoWriter(output, replace(info, width=width, height=height), EncodeSettings(crf=1, keep_audio=False)) as out:
        for index, picture in enumerate(pictures):
            out.write(picture, index / info.rate)
    return output


@pytest.mark.parametrize("turns", range(4))
def test_a_face_is_measured_however_the_picture_stands(portrait, turns):
    height, width = portrait.shape[:2]
    (upright,) = Tracker()(portrait)
    turned = np.ascontiguousarray(np.rot90(portrait, turns))
    (face,) = Tracker()(turned)
    expected = turn_points(upright.landmark_result.landmarks, turns, width, height)
    away = np.linalg.norm(face.landmark_result.landmarks[:, :2] - expected[:, :2], axis=1)
    assert away.mean() < 0.05 * eye_distance(expected)
    assert count_quarter_turns([fit_pose(face.landmark_result.landmarks)]) == -turns % 4
    identity = IdentityModel()
    cosine = identity.embed(turned, face.landmark_result.landmarks) @ identity.embed(
        portrait, upright.landmark_result.landmarks
    )
    assert cosine > 0.9


def test_upright_footage_pays_nothing(man, monkeypatch):
    def fail(*_):
        raise AssertionError("looked for turned faces")

    monkeypatch.setattr(tracker_module, "correct_turn", fail)
    monkeypatch.setattr(tracker_module, "detect_turned", fail)
    tracker = Tracker()
    with VideoReader(man, stop=26) as reader:
        assert all(len(tracker(frame.image)) == 1 for frame in reader)


def test_an_empty_shot_is_searched_twice(monkeypatch):
    searched = []
    monkeypatch.setattr(tracker_module, "detect_turned", lambda image, detector: searched.append(detector) or ())
    tracker = Tracker()
    for _ in range(40):
        tracker(np.full((90, 160, 3), 128, np.uint8))
    assert len(searched) == 2 * 2  # the quick and the slow detector


@pytest.mark.parametrize("turns", range(4))
def test_points_and_poses_turn_with_the_picture(turns):
    picture = np.zeros((5, 7), np.uint8)
    picture[1, 4] = 1
    turned = np.rot90(picture, turns)
    ((row, column),) = np.argwhere(turned)
    assert turn_points(np.array([[4.0, 1.0]]), turns, 7, 5).tolist() == [[column, row]]
    landmarks = np.random.default_rng(0).normal(size=(478, 3))
    pose = fit_pose(landmarks)
    other = turn_pose(pose, turns, 7, 5)
    assert np.allclose(other.apply(landmarks), turn_points(pose.apply(landmarks), turns, 7, 5))


@pytest.mark.parametrize("turns", [1, 2])
def test_a_turned_driver_moves_as_an_upright_one(man, tmp_path, turns):
    upright = read_motion(man, max_frames=6)
    turned = read_motion(turn_clip(man, tmp_path / "turned.mp4", turns, 6))
    assert turned.size == upright.size
    relative = [motion.rotation[-1] @ motion.rotation[0].T for motion in (upright, turned)]
    assert np.abs(relative[0] - relative[1]).max() < 0.02
    assert np.abs(upright.translation - turned.translation)[:, :2].max() < 3  # px


def test_an_upside_down_portrait_is_turned(portrait, tmp_path):
    write_still(tmp_path / "up.png", portrait)
    write_still(tmp_path / "down.png", np.ascontiguousarray(portrait[::-1, ::-1]))
    (up,), (down,) = (read_portraits(tmp_path / name) for name in ("up.png", "down.png"))
    assert np.array_equal(up.image, down.image)
    assert np.abs(up.landmarks - down.landmarks)[:, :2].max() < 0.1 * eye_distance(up.landmarks)
    assert "was turned" in down.notes[0]
    assert not up.notes


def test_an_upside_down_clip_is_swapped_as_an_upright_one(model, man, tmp_path):
    upright, turned = (turn_clip(man, tmp_path / f"{turns}.mp4", turns, 4) for turns in (0, 2))
    pictures = []
    for clip in (upright, turned):
        encode = EncodeSettings(crf=4, keep_audio=False)
        report = convert(model, clip, clip.with_suffix(".out.mp4"), ConvertSettings(encode=encode))
        assert report.swapped == report.frames == 4
        with VideoReader(clip.with_suffix(".out.mp4")) as reader:
            pictures.append([frame.image for frame in reader])
    (face,) = Tracker()(pictures[0][2])
    x0, y0 = face.landmark_result.landmarks[:, :2].min(0).astype(int)
    x1, y1 = face.landmark_result.landmarks[:, :2].max(0).astype(int)
    ours, theirs = pictures[0][2], np.rot90(pictures[1][2], 2)
    away = np.abs(ours[y0:y1, x0:x1].astype(int) - theirs[y0:y1, x0:x1].astype(int))
    assert away.mean() < 4
