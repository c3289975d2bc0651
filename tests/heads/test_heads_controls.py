"""Tests of absolute controls: what is asked for is what the landmarks show, by itself and over a driver."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from driven import build_motion as build_driver

from effigie.errors import UsageError
from effigie.faces.landmarker import BLENDSHAPES
from effigie.faces.mesh import eye_opening, fit_pose, mouth_opening
from effigie.heads import ControlKey, ControlTemplate, FaceControls, build_motion, load_template, save_template
from effigie.heads.inference.face_search import find_faces
from effigie.heads.motion.control_template import describe_template, read_template
from effigie.heads.motion.face_controls import CONTROL_NAMES, control_range, describe_face_controls
from effigie.heads.motion.face_rig import FaceRig
from effigie.heads.motion.puppet import Puppet
from effigie.heads.motion.retarget import Retargeter
from effigie.heads.warp.scene import PortraitWarp
from effigie.media import VideoReader

CALM_FRAME, SMILING_FRAME = 0, 32  # of the man
NOD = ControlTemplate(
    (
        ControlKey(0.0, FaceControls(smile=0.0, yaw=0.0)),
        ControlKey(0.4, FaceControls(smile=0.8)),
        ControlKey(0.8, FaceControls(yaw=12.0), "linear"),
        ControlKey(1.0, FaceControls(blink_left=0.5), "hold"),
    )
)


def read_frame(clip, index):
    with VideoReader(clip, index, index + 1) as reader:
        return next(iter(reader)).image


@pytest.fixture(scope="module")
def smiling(man):
    """The man's picture in which he smiles, and his face there."""
    image = read_frame(man, SMILING_FRAME)
    ((face,), _) = find_faces(image)
    return image, face


@pytest.fixture(scope="module")
def rig(smiling):
    image, face = smiling
    return FaceRig(face.landmarks, face.blendshapes, (image.shape[1], image.shape[0]))


@pytest.mark.parametrize("name", CONTROL_NAMES)
def test_what_is_asked_for_is_what_the_landmarks_show(rig, name):
    for value in (*control_range(name), 0.3 * control_range(name)[1]):
        shape, pose = rig.set(rig.shape, rig.pose, FaceControls(**{name: value}))
        found = getattr(rig.measure(shape, pose), name)
        low, high = control_range(name)
        assert abs(found - value) < 0.04 * (high - low)


def test_what_is_not_asked_for_stays(rig):
    before = dict(rig.measure(rig.shape, rig.pose).iterate_values())
    shape, pose = rig.set(rig.shape, rig.pose, FaceControls())
    assert np.allclose(shape, rig.shape) and np.allclose(pose.rotation, rig.pose.rotation)
    shape, pose = rig.set(rig.shape, rig.pose, FaceControls(gaze_x=0.5, blink_left=1.0, yaw=20.0))
    after = dict(rig.measure(shape, pose).iterate_values())
    for name in ("smile", "mouth", "brows", "blink_right", "gaze_y", "pitch", "roll"):
        assert abs(after[name] - before[name]) < 0.02 * (control_range(name)[1] - control_range(name)[0])
    moved = np.linalg.norm(shape - rig.shape, axis=1)
    assert moved[[0, 17, 61, 291, 152]].max() < 1e-6  # lips and chin


def test_a_smiling_portrait_is_made_calm(rig, smiling, man):
    """Read by the tracker in the picture, he is as calm as in the frame in which he is."""
    image, face = smiling
    assert rig.measure(rig.shape, rig.pose).smile > 0.7
    shape, pose = rig.set(rig.shape, rig.pose, FaceControls.calm())
    made = PortraitWarp(image, face.landmarks).render(pose.apply(shape)).image
    ((read,), _) = find_faces(made)
    ((calm,), _) = find_faces(read_frame(man, CALM_FRAME))

    def width(landmarks):
        corners = np.linalg.norm(landmarks[61, :2] - landmarks[291, :2])
        return corners / np.linalg.norm(landmarks[33, :2] - landmarks[263, :2])

    assert width(face.landmarks) > width(calm.landmarks) + 0.12
    assert abs(width(read.landmarks) - width(calm.landmarks)) < 0.06
    assert mouth_opening(face.landmarks) > 0.15 > 0.05 > mouth_opening(read.landmarks)
    # The teeth, by far the brightest between his lips, are gone.
    assert light_between_lips(image, face.landmarks) > light_between_lips(made, read.landmarks) + 20


def light_between_lips(image, landmarks):
    x, y = np.rint((landmarks[13, :2] + landmarks[14, :2]) / 2).astype(int)
    return float(image[y - 1 : y + 2, x - 8 : x + 9].mean())


def test_shut_lids_are_seen_shut(rig, smiling):
    image, face = smiling
    shape, pose = rig.set(rig.shape, rig.pose, FaceControls(blink_left=1.0, blink_right=1.0))
    made = PortraitWarp(image, face.landmarks).render(pose.apply(shape)).image
    ((read,), _) = find_faces(made)
    assert eye_opening(read.landmarks) < 0.5 * eye_opening(face.landmarks)


def test_a_template_changes_between_the_keys_that_name_a_control():
    assert NOD.count == 26 and NOD.times()[-1] == 1
    assert NOD(0.0) == FaceControls(smile=0.0, yaw=0.0, blink_left=0.5)
    assert NOD(0.2).smile == pytest.approx(0.4)  # half of the way, half of the value
    assert NOD(0.1).smile == pytest.approx(0.8 * 0.15625)  # smoothly
    assert NOD(0.2).yaw == pytest.approx(3.0)  # linearly, past the key that does not name it
    assert NOD(5.0) == FaceControls(smile=0.8, yaw=12.0, blink_left=0.5)
    hold = ControlTemplate((ControlKey(0, FaceControls(mouth=0)), ControlKey(1, FaceControls(mouth=1), "hold")))
    assert (hold(0.99).mouth, hold(1.0).mouth) == (0, 1)
    assert ControlTemplate(NOD.keys, seconds=3.0, rate=10).count == 30


def test_a_motion_without_a_driver_shows_what_the_template_says(rig):
    motion = build_motion(NOD, rig)
    assert len(motion) == 26 and motion.rate == 25 and motion.times[1] == Fraction(1, 25)
    for index in (0, 7, 25):
        landmarks = motion.landmarks(index)
        shape = rig.shape
        own, pose = rig.set(shape, rig.pose, NOD(index / 25))
        assert np.abs(landmarks[:, :2] - pose.apply(own)[:, :2]).max() < 0.6  # px; a little inward from the edge
    smile = motion.blendshapes[:, BLENDSHAPES.index("mouthSmileLeft")]  # as the network reads it
    assert smile[20] > smile[0] + 0.1
    # It is a change from the portrait itself, and drives others.
    again = Retargeter(rig.pose.apply(rig.shape), motion)
    assert np.isfinite(again(25)).all()
    single = build_motion(FaceControls(smile=0.5), rig)
    assert len(single) == 1


@pytest.fixture(scope="module")
def driver(rig):
    """A driver with the portrait's face, who turns aside by 15 degrees and opens the mouth."""
    frames = []
    for index in range(11):
        wanted = FaceControls(yaw=1.5 * index, mouth=0.06 * index)
        shape, pose = rig.set(rig.shape, rig.pose, wanted)
        frames.append(pose.apply(shape))
    return build_driver(frames)


@pytest.mark.parametrize("over", ["replace", "add"])
def test_controls_stand_over_a_driver(rig, driver, over):
    template = ControlTemplate((ControlKey(0.0, FaceControls(yaw=5.0, blink_right=1.0)),), over=over)
    retarget = Retargeter(rig.pose.apply(rig.shape), driver, None, rig.size)
    puppet = Puppet(rig, template, driver.seconds(), retarget)
    alone = [rig.measure(*retarget.transfer(index)) for index in (2, 10)]
    for index, own in zip((2, 10), alone, strict=True):
        landmarks = puppet(index).astype(np.float64)
        shape, pose = retarget.transfer(index)
        shown = rig.measure(*rig.set(shape, pose, template(0.0)))
        yaw = float(fit_pose(landmarks).angles[0])
        assert yaw == pytest.approx(5.0 if over == "replace" else own.yaw + 5.0, abs=1.5)
        assert shown.mouth == pytest.approx(own.mouth, abs=0.01)  # the driver's
        assert eye_opening(landmarks) < 0.7 * eye_opening(rig.pose.apply(rig.shape))
    assert alone[1].yaw > alone[0].yaw + 8


def test_files_are_read_and_written(tmp_path):
    for name in ("nod.toml", "nod.json"):
        save_template(NOD, tmp_path / name)
        assert load_template(tmp_path / name) == NOD
    text = (tmp_path / "nod.toml").read_text("utf-8")
    (tmp_path / "nod.toml").write_text("# for the second shot\n" + text, "utf-8")
    slower = ControlTemplate(NOD.keys, rate=12)
    save_template(slower, tmp_path / "nod.toml")
    assert "# for the second shot" in (tmp_path / "nod.toml").read_text("utf-8")
    assert load_template(tmp_path / "nod.toml") == slower
    assert read_template(describe_template(NOD)) == NOD


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ({}, "needs keys"),
        ({"keys": []}, "needs a key"),
        ({"keys": [{"smile": 1}]}, "key 1 needs a time"),
        ({"keys": [{"time": 0, "smirk": 1}]}, "key 1 has no control 'smirk'"),
        ({"keys": [{"time": 0, "smile": 3}]}, "smile must be from -1 to 1"),
        ({"keys": [{"time": 0, "smile": "wide"}]}, "smile must be from -1 to 1"),
        ({"keys": [{"time": 0, "smile": float("nan")}]}, "smile must be from -1 to 1"),
        ({"keys": [{"time": -1}]}, "time must be from 0"),
        ({"keys": [{"time": 0, "ease": "bounce"}]}, "ease must be one of"),
        ({"keys": [{"time": 0}, {"time": 0}]}, "two keys are at 0 s"),
        ({"keys": [{"time": 0}], "rate": 1000}, "rate must be a whole number"),
        ({"keys": [{"time": 0}], "seconds": 0}, "seconds must be above 0"),
        ({"keys": [{"time": 0}], "over": "under"}, "over must be one of"),
        ({"keys": [{"time": 0}], "loop": True}, "no setting 'loop'"),
        ({"keys": [{"time": 0}], "version": 2}, "update effigie"),
    ],
)
def test_files_that_hold_what_there_is_not_say_so(tmp_path, document, line):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(UsageError, match=line) as refused:
        load_template(path)
    assert "bad.json" in str(refused.value)


def test_files_that_are_none_say_so(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_template(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("keys = [", "utf-8")
    with pytest.raises(UsageError, match="is no TOML"):
        load_template(tmp_path / "bad.toml")


def test_every_control_says_what_it_is():
    described = describe_face_controls()
    assert [one["name"] for one in described] == list(CONTROL_NAMES)
    assert all(one["help"] and one["low"] < 0.1 < one["high"] for one in described)
