"""Tests of motion retargeting: identity is kept, lids and lips close, regions and strengths have their effect."""

from __future__ import annotations

import numpy as np
import pytest
from driven import build_motion
from scipy.spatial.transform import Rotation

from effigie.errors import UsageError
from effigie.faces.mesh import eye_distance, eye_opening, fit_pose, mouth_opening
from effigie.heads.inference.portrait import read_portraits
from effigie.heads.motion.controls import Controls
from effigie.heads.motion.features import EYE_LANDMARKS, LOWER_LIP, UPPER_LIP, lip_gaps, set_lids
from effigie.heads.motion.motion import read_motion
from effigie.heads.motion.retarget import Retargeter, compute_frame_shift, smooth_motion
from effigie.media import VideoReader

pytestmark = pytest.mark.slow

NOW = Controls(ease=0)  # the whole motion from the first frame on


@pytest.fixture(scope="module")
def own(man):
    """(478, 3) px of the man, mouth shut, eyes open."""
    (portrait,) = read_portraits(man)
    return portrait.landmarks.astype(np.float64)


@pytest.fixture(scope="module")
def driver(sample):
    """(478, 3) px of the woman, eyes open, mouth shut; hers is not the man's face."""
    motion = read_motion(sample("sample_woman"), max_frames=230)
    return changed(motion.landmarks(motion.neutral_frame), shut)


def changed(landmarks, change):
    """The face after ``change`` has been done to its unposed shape, in place."""
    pose = fit_pose(landmarks)
    shape = pose.to_canonical(landmarks)
    change(shape)
    return pose.apply(shape)


def blinked(shape):
    for eye in EYE_LANDMARKS:
        shape[eye.upper] = shape[eye.lower]


def sleepy(shape):
    for eye in EYE_LANDMARKS:
        shape[eye.upper] = (shape[eye.upper] + shape[eye.lower]) / 2


def opened(shape, cm=1.5):
    shape[LOWER_LIP, 1] -= cm
    shape[[152, 17], 1] -= cm


def shut(shape):
    middle = (shape[UPPER_LIP] + shape[LOWER_LIP]) / 2
    shape[UPPER_LIP] = shape[LOWER_LIP] = middle


def turned(landmarks, yaw):
    middle = fit_pose(landmarks).translation
    turn = Rotation.from_euler("y", yaw, degrees=True).as_matrix()
    return (landmarks - middle) @ turn.T + middle


def on(own, frames, controls=NOW, **options):
    """Landmarks of ``own`` for the last of the driver's frames; the first is neutral."""
    retarget = Retargeter(own, build_motion(np.stack(frames)), controls, **options)
    return retarget(len(frames) - 1)


def error(a, b):
    """Mean distance of landmarks as a share of the distance between the eyes."""
    return np.linalg.norm(a[:, :2] - b[:, :2], axis=1).mean() / eye_distance(b)


def test_a_driver_who_does_nothing_leaves_the_portrait_exactly_as_it_is(own, driver):
    for face in (own, driver):
        moved = on(own, [face, face], size=(640, 360))
        assert np.abs(moved - own).max() < 1e-3


def test_self_reenactment_meets_the_landmarks(sample):
    """The woman's own neutral frame, measured as a still, driven by her clip: within 4 % of the eye distance."""
    motion = read_motion(sample("sample_woman"), max_frames=200)
    with VideoReader(sample("sample_woman"), start=motion.neutral_frame, stop=motion.neutral_frame + 1) as reader:
        image = next(iter(reader)).image
    from effigie.heads.inference.face_search import find_faces

    ((face,), _) = find_faces(image)
    retarget = Retargeter(face.landmarks, motion, NOW, (image.shape[1], image.shape[0]))
    errors = [error(retarget(index), motion.landmarks(index)) for index in range(0, 200, 4)]
    assert np.mean(errors) < 0.02
    assert max(errors) < 0.04


def test_another_ones_motion_keeps_the_shape_of_the_face(own, driver):
    """The man with the woman's rotation keeps the man's shape."""
    for yaw in (-15, 10, 20):
        assert error(on(own, [driver, turned(driver, yaw)]), turned(own, yaw)) < 0.015


def test_a_nod_stays_a_nod_on_a_face_that_looks_aside(own, driver):
    middle = fit_pose(driver).translation
    nod = Rotation.from_euler("x", -15, degrees=True).as_matrix()
    nodding = (driver - middle) @ nod.T + middle
    aside = turned(own, 35)
    before, after = fit_pose(aside).angles, fit_pose(on(aside, [driver, nodding])).angles
    assert abs(after[1] - before[1]) == pytest.approx(15, abs=1)
    assert after[[0, 2]] == pytest.approx(before[[0, 2]], abs=2)


def test_turning_by_half_and_not_at_all(own, driver):
    def yaw(head):
        moved = on(own, [driver, turned(driver, 20)], Controls(head=head, ease=0))
        return fit_pose(moved).angles[0] - fit_pose(own).angles[0]

    assert yaw(0) == pytest.approx(0, abs=0.1)
    assert yaw(0.5) == pytest.approx(yaw(1) / 2, abs=0.5)
    assert yaw(2) == pytest.approx(2 * yaw(1), abs=1)
    assert abs(yaw(1)) == pytest.approx(20, abs=1)


def test_absolute_takes_the_drivers_own_angles(own, driver):
    aside = turned(driver, 15)
    moved = on(own, [aside, aside], Controls(relative=False, ease=0))
    assert fit_pose(moved).angles == pytest.approx(fit_pose(aside).angles, abs=0.5)
    assert np.abs(on(own, [aside, aside]) - own).max() < 0.01  # relative: as it was


def test_a_blink_closes_and_an_open_eye_keeps_its_own_size(own, driver):
    closed = on(own, [driver, changed(driver, blinked)])
    shape = fit_pose(closed).to_canonical(closed)
    for eye in EYE_LANDMARKS:
        assert np.abs(shape[eye.upper] - shape[eye.lower]).max() < 1e-4
    half = on(own, [driver, changed(driver, sleepy)])
    assert 0.3 * eye_opening(own) < eye_opening(half) < 0.6 * eye_opening(own)
    assert eye_opening(on(own, [driver, driver])) == pytest.approx(eye_opening(own), abs=1e-4)


def test_a_half_open_eye_is_asked_for_as_the_network_reads_one(own, driver):
    """Shut lids are read as 0.05 of the width: half open is between that and the own opening."""
    rest = [eye.opening(fit_pose(driver).to_canonical(driver)) for eye in EYE_LANDMARKS]

    def half(shape):
        for eye, opening in zip(EYE_LANDMARKS, rest, strict=True):
            set_lids(shape, shape.copy(), eye, (0.05 + 0.5 * (opening - 0.05)) / opening)

    moved, shape = on(own, [driver, changed(driver, half)]), fit_pose(own).to_canonical(own)
    got = fit_pose(moved).to_canonical(moved)
    for eye in EYE_LANDMARKS:
        assert eye.opening(got) == pytest.approx(0.05 + 0.5 * (eye.opening(shape) - 0.05), rel=0.05)


def test_one_eye_can_wink(own, driver):
    def wink(shape):
        shape[EYE_LANDMARKS[0].upper] = shape[EYE_LANDMARKS[0].lower]

    moved = on(own, [driver, changed(driver, wink)])
    shape, rest = fit_pose(moved).to_canonical(moved), fit_pose(own).to_canonical(own)
    assert EYE_LANDMARKS[0].opening(shape) < 0.01
    assert EYE_LANDMARKS[1].opening(shape) == pytest.approx(EYE_LANDMARKS[1].opening(rest), rel=0.02)


def test_the_mouth_opens_as_far_and_shuts(own, driver):
    moved = on(own, [driver, changed(driver, opened)])
    assert lip_gaps(fit_pose(moved).to_canonical(moved))[4, 1] == pytest.approx(1.5, rel=0.3)
    again = Retargeter(own, build_motion(np.stack([driver, changed(driver, opened), driver])), NOW)(2)
    assert mouth_opening(again) == pytest.approx(mouth_opening(own), abs=0.002)


def test_a_portrait_that_shows_its_teeth_can_shut_its_mouth(own, driver):
    grinning = changed(own, lambda shape: opened(shape, 0.8))
    assert mouth_opening(grinning) > 0.1
    moved = on(grinning, [driver, driver])
    assert mouth_opening(moved) < 0.01
    assert np.abs(lip_gaps(fit_pose(moved).to_canonical(moved))).max() < 0.02  # in depth too: a nod does not part them
    chin = fit_pose(moved).to_canonical(moved)[152, 1] - fit_pose(grinning).to_canonical(grinning)[152, 1]
    assert 0 < chin < 0.8  # and takes the chin along


def test_a_driver_whose_mouth_rests_open_opens_a_shut_one_as_far(own, driver):
    parted = changed(driver, lambda shape: opened(shape, 0.8))
    moved = on(own, [parted, changed(parted, lambda shape: opened(shape, 0.5))])
    assert lip_gaps(fit_pose(moved).to_canonical(moved))[4, 1] == pytest.approx(1.3, rel=0.3)


def test_irises_follow_within_the_eye(own, driver):
    def look(shape):
        for eye in EYE_LANDMARKS:
            shape[eye.iris, 0] += 0.4

    moved = on(own, [driver, changed(driver, look)])
    shape, rest = fit_pose(moved).to_canonical(moved), fit_pose(own).to_canonical(own)
    for eye in EYE_LANDMARKS:
        shift = shape[eye.iris[0]] - rest[eye.iris[0]]
        assert 0.25 < shift[0] < 0.55
        assert abs(shift[1]) < 0.05
        assert np.allclose(shape[eye.iris] - shape[eye.iris[0]], rest[eye.iris] - rest[eye.iris[0]], atol=1e-4)
    far = on(own, [driver, changed(driver, lambda shape: [look(shape) for _ in range(4)])])
    shape = fit_pose(far).to_canonical(far)
    for eye in EYE_LANDMARKS:
        along = eye.gaze(shape)[0] - eye.gaze(rest)[0]
        assert abs(along) < 0.27  # never out of the eye


def everything(driver):
    """A frame in which all changes at once."""

    def change(shape):
        blinked(shape)
        opened(shape)
        shape[[105, 334], 1] += 0.5  # brows
        shape[4, 1] += 0.3  # nose

    return turned(changed(driver, change), 15)


def test_the_mouth_alone_leaves_eyes_and_pose_alone(own, driver):
    moved = on(own, [driver, everything(driver)], Controls(region="mouth", ease=0))
    assert fit_pose(moved).angles == pytest.approx(fit_pose(own).angles, abs=0.5)
    upper = np.concatenate(
        [*(np.r_[eye.upper, eye.lower, eye.iris, eye.corners] for eye in EYE_LANDMARKS), [105, 334, 4, 10]]
    )
    assert np.abs(moved[upper] - own[upper]).max() < 1e-3
    assert mouth_opening(moved) > mouth_opening(own) + 0.1


def test_the_eyes_alone_leave_mouth_and_pose_alone(own, driver):
    moved = on(own, [driver, everything(driver)], Controls(region="eyes", ease=0))
    lower = np.concatenate([UPPER_LIP, LOWER_LIP, [152, 17, 61, 291, 4]])
    assert np.abs(moved[lower] - own[lower]).max() < 1e-3
    assert eye_opening(moved) < 0.05
    assert fit_pose(moved).angles == pytest.approx(fit_pose(own).angles, abs=0.5)


def test_the_face_alone_leaves_the_pose_alone(own, driver):
    moved = on(own, [driver, everything(driver)], Controls(region="face", ease=0))
    assert fit_pose(moved).angles == pytest.approx(fit_pose(own).angles, abs=3)
    assert eye_opening(moved) < 0.05 and mouth_opening(moved) > mouth_opening(own) + 0.1


def test_no_strength_no_motion(own, driver):
    frames = [driver, everything(driver)]
    still = on(own, frames, Controls(head=0, expression=0, ease=0))
    assert np.abs(still - own).max() < 1e-3
    half = on(own, frames, Controls(mouth=0.5, ease=0))
    whole = on(own, frames)
    assert mouth_opening(own) + 0.05 < mouth_opening(half) < mouth_opening(whole) - 0.05
    assert eye_opening(on(own, frames, Controls(eyes=0, ease=0))) > 0.8 * eye_opening(own)


def test_the_start_does_not_jump(own, driver):
    far = turned(driver, 25)
    motion = build_motion(np.stack([driver] + [far] * 15))
    retarget = Retargeter(own, motion, Controls(ease=0.3))
    assert np.abs(Retargeter(own, build_motion(np.stack([far] * 3 + [driver]), neutral_frame=3))(0) - own).max() < 1e-3
    angles = np.array([fit_pose(retarget(index)).angles[0] for index in range(16)])
    assert np.abs(np.diff(angles)).max() < 8
    assert abs(angles[-1] - angles[0]) == pytest.approx(25, abs=1)


@pytest.mark.parametrize("move", [(400, 0), (-400, 0), (0, 300), (0, -300), (900, 700)])
def test_the_face_does_not_leave_the_picture(own, driver, move):
    """A driver who leaves the picture is followed to its edge, smoothly, and no further."""
    steps = [driver + np.array([*move, 0]) * share for share in np.linspace(0, 1, 60)]
    retarget = Retargeter(own, build_motion(np.stack(steps)), NOW, (640, 360))
    landmarks = np.stack([retarget(index) for index in range(60)])
    extent = np.ptp(own[:, :2], axis=0)
    assert (landmarks[..., :2].min((0, 1)) >= -0.11 * extent).all()
    assert (landmarks[..., :2].max((0, 1)) <= np.array([640, 360]) + 0.11 * extent).all()
    free = Retargeter(own, build_motion(np.stack(steps)), NOW)
    first = np.abs(free(2) - landmarks[2]).max()
    assert first < 1e-3  # well inside nothing is held back
    speed = np.diff(landmarks[:, 1, :2], axis=0)
    assert np.abs(np.diff(speed, axis=0)).max() < 0.5 * np.abs(speed).max() + 0.1


def test_a_face_at_the_edge_stays_where_it_is(own):
    """A portrait cut through the chin is not pulled inside."""
    cut = own - np.array([0, own[:, 1].min() + 20, 0])
    assert np.abs(compute_frame_shift(cut, cut, (640, 360))).max() == 0


def test_more_smoothing_calms_a_tremble_and_keeps_the_place(driver):
    noise = np.random.default_rng(0).normal(0, 1.5, (40, 478, 3))
    motion = build_motion(driver + noise)
    assert smooth_motion(motion, 0) is motion
    calm = smooth_motion(motion, 0.08)
    before = np.std([motion.landmarks(i) for i in range(8, 32)], axis=0).mean()
    after = np.std([calm.landmarks(i) for i in range(8, 32)], axis=0).mean()
    assert after < 0.5 * before
    assert np.abs(np.mean([calm.landmarks(i) for i in range(8, 32)], axis=0) - driver).mean() < 1
    assert (calm.times, calm.neutral_frame) == (motion.times, motion.neutral_frame)


@pytest.mark.parametrize("wrong", [{"head": -0.1}, {"mouth": 2.1}, {"region": "nose"}, {"smoothing": -1}, {"ease": 9}])
def test_controls_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        Controls(**wrong)
