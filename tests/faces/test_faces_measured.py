"""Tests of the analyzer over time: everybody is found, noise is removed, blinks stay, crops are stable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from effigie.faces import recognizer
from effigie.faces.align import compute_placement, crop_matrix, smooth_placement
from effigie.faces.analyzer import SmoothingSettings, analyze
from effigie.faces.crop import Roi, apply_affine, crop, invert_affine
from effigie.faces.detector import BlazeFaceDetector, YuNetDetector, iou, non_maximum_suppression
from effigie.faces.landmarker import BLENDSHAPES, LandmarkModel, landmarks_to_roi
from effigie.faces.mesh import eye_distance, fit_pose, load_canonical_mesh
from effigie.faces.smoothing import smooth_center
from effigie.faces.tracker import Tracker
from effigie.media import VideoReader, read_still


@dataclass(frozen=True)
class Picture:
    image: np.ndarray


def frames_of(path, stop):
    with VideoReader(path, stop=stop) as reader:
        return list(reader)


@pytest.fixture(scope="module")
def man_frames(man):
    return frames_of(man, 24)


@pytest.fixture(scope="module")
def man_analysed(man_frames):
    return list(analyze(man_frames))


@pytest.fixture(scope="module")
def woman_analysed(woman):
    return list(analyze(frames_of(woman, 12)))


def test_frames_come_back_in_order_each_with_its_face(man_frames, man_analysed):
    assert [item.frame for item in man_analysed] == man_frames
    assert [[face.track for face in item.faces] for item in man_analysed] == [[0]] * len(man_frames)


def test_fewer_frames_than_the_window_reaches(man_frames, man_analysed):
    few = list(analyze(man_frames[:3]))
    assert [item.frame for item in few] == man_frames[:3]
    assert all(len(item.faces) == 1 for item in few)
    assert list(analyze([])) == []
    near = np.abs(few[0].faces[0].landmarks - man_analysed[0].faces[0].landmarks).max()
    assert near < 0.02 * eye_distance(few[0].faces[0].landmarks)


def test_memory_does_not_grow(man_frames):
    """At the last frame, all pictures but those of the window have been freed."""
    import weakref

    alive = []

    def pictures():
        for frame in man_frames:
            picture = Picture(frame.image.copy())
            alive.append(weakref.ref(picture))
            yield picture
            del picture
            assert sum(one() is not None for one in alive) <= SmoothingSettings().max_radius + 3

    for item in analyze(pictures()):
        del item


def test_five_friends(sample):
    image = read_still(sample("sample_group"))
    faces = next(analyze([Picture(image)])).faces
    assert len(faces) == 5
    sides = [face.placement[2] for face in faces]
    assert sides == sorted(sides, reverse=True)
    model = recognizer.IdentityModel()
    found = np.stack([model.embed(image, face.landmarks) for face in faces])
    cosine = (found @ found.T)[np.triu_indices(5, 1)]
    assert (
        cosine > recognizer.SAME_PERSON_SIMILARITY
    ).sum() <= 1  # two of them look alike; that they stand side by side tells
    assert np.median(cosine) < 0.2


@pytest.mark.parametrize("turn", [0, 2])
def test_a_blank_picture_holds_nobody(turn):
    image = np.full((240, 320, 3), 60 * turn, np.uint8)
    image[100:] += 30
    assert Tracker()(image) == []


def test_identity_tells_the_two_apart(man_analysed, woman_analysed):
    model = recognizer.IdentityModel()

    def looks(analyzed):
        return np.stack([model.embed(item.frame.image, item.faces[0].landmarks) for item in analyzed[:9:4]])

    man, woman = looks(man_analysed), looks(woman_analysed)
    assert np.allclose(np.linalg.norm(man, axis=1), 1, atol=1e-5)
    assert (man @ man.T).min() > 0.6
    assert (woman @ woman.T).min() > 0.6
    assert (man @ woman.T).max() < recognizer.SAME_PERSON_SIMILARITY - 0.1


def test_identity_alignment_puts_the_eyes_where_the_network_expects(man_analysed):
    landmarks = man_analysed[0].faces[0].landmarks.astype(np.float64)
    points = recognizer.five_point_landmarks(landmarks)
    matrix = recognizer.estimate_similarity(points, recognizer.ARCFACE_TEMPLATE.astype(np.float64))
    assert np.abs(apply_affine(matrix, points) - recognizer.ARCFACE_TEMPLATE).max() < 6
    assert recognizer.align_face(man_analysed[0].frame.image, landmarks).shape == (112, 112, 3)


def test_similarity_is_recovered():
    random = np.random.default_rng(0)
    points = random.normal(0, 50, (5, 2))
    wanted = np.array([[0.6, -0.8, 3], [0.8, 0.6, -7]]) * [[2.0, 2.0, 1], [2.0, 2.0, 1]]
    found = recognizer.estimate_similarity(points, apply_affine(wanted, points))
    assert np.allclose(found, wanted)


def test_blendshapes_are_named_and_in_range(woman_analysed):
    assert len(BLENDSHAPES) == len(set(BLENDSHAPES)) == 52
    values = np.stack([item.faces[0].blendshapes for item in woman_analysed])
    assert values.shape == (12, 52)
    assert values.min() >= 0
    assert values.max() <= 1


def test_both_detectors_agree(portrait):
    near, far = BlazeFaceDetector()(portrait), YuNetDetector()(portrait)
    assert len(near) == len(far) == 1
    assert iou(near[0].box, far[0].box) > 0.6
    assert np.abs(near[0].eyes - far[0].eyes).max() < 8


@pytest.mark.parametrize("size", [(48, 640), (640, 48), (40, 40)])
def test_detectors_take_any_shape(size):
    image = np.zeros((*size, 3), np.uint8)
    assert BlazeFaceDetector()(image) == []
    assert YuNetDetector()(image) == []


def test_suppression_keeps_the_best_of_each_heap():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 30, 40, 40], [0, 30, 10, 40]], float)
    assert non_maximum_suppression(boxes, np.array([0.6, 0.9, 0.7, 0.8])) == [1, 3, 2]
    assert iou(boxes[0], boxes[2]) == 0
    assert iou(boxes[0], boxes[0]) == 1


def test_landmarks_do_not_depend_on_where_the_face_is(portrait, man_analysed):
    """The same face, looked at in a picture moved by whole pixels, is measured alike."""
    roi = landmarks_to_roi(man_analysed[0].faces[0].landmarks)
    model = LandmarkModel()
    here = model(portrait, roi).landmarks
    moved = np.roll(portrait, (9, -14), axis=(0, 1))
    there = model(moved, Roi(roi.x - 14, roi.y + 9, roi.side, roi.angle)).landmarks
    assert np.abs(there - here - [-14, 9, 0]).max() < 0.05


def test_noise_goes():
    random = np.random.default_rng(0)
    still = random.uniform(100, 300, (1, 60, 3)) + random.normal(0, 0.3, (400, 60, 3))
    smooth = np.stack([smooth_center(still[i - 5 : i + 6], 1.0, 1.0) for i in range(5, 395)])
    assert smooth.std(0).mean() < 0.65 * still.std(0).mean()


@pytest.mark.parametrize("length", [1, 3])
def test_a_blink_stays(length):
    """Lids move down by 6 px, twelve times the noise, for one or three frames: the full depth is kept."""
    random = np.random.default_rng(1)
    lid = np.zeros((41, 8, 2))
    lid[20 : 20 + length] += [0, 6]
    seen = lid + random.normal(0, 0.25, lid.shape)
    smooth = np.stack([smooth_center(seen[i - 5 : i + 6], 1.0, 0.8) for i in range(5, 36)])
    during = smooth[15 : 15 + length, :, 1].mean()
    assert during > 5.7
    assert np.abs(smooth[:14, :, 1]).mean() < 0.25
    assert np.abs(smooth[16 + length :, :, 1]).mean() < 0.25


def test_steady_motion_is_not_delayed():
    path = np.arange(11)[:, None, None] * np.array([2.0, -1.0]) + np.zeros((11, 3, 2))
    assert np.allclose(smooth_center(path, 1.5, 1.0), path[5])
    places = np.arange(11)[:, None] * np.array([2.0, 1.0, 0.01, 0.02]) + [100, 80, 5, 3.0]
    assert np.allclose(smooth_placement(places, 2.5, 3.0), places[5])


def test_placement_over_the_turn_of_the_circle():
    """Rotations of 179 and -179 degrees are neighbours."""
    places = np.tile([100.0, 80.0, 5.0, 0.0], (11, 1))
    places[:, 3] = np.radians([179, -179] * 5 + [179])
    angle = smooth_placement(places, 2.5, 5.0)[3]
    assert np.cos(angle) < -0.999


def mouth_open(shape, drop):
    """The (478, 3) canonical face with the chin ``drop`` cm lower: jaw and lower lip turn about the ears."""
    moved = shape.copy()
    below = np.clip((-3.9 - shape[:, 1]) / 4, 0, 1) * (shape[:, 2] > -1)
    moved[:, 1] -= drop * below
    moved[:, 2] -= 0.4 * drop * below
    return moved


def test_the_crop_holds_still_while_the_mouth_opens(man_analysed):
    """Of a side of 200 px, an opening jaw may move nothing by more than about a pixel."""
    face = man_analysed[0].faces[0]
    pose = fit_pose(face.landmarks)
    neutral = pose.to_canonical(face.landmarks)
    still = crop_matrix(compute_placement(pose), 200)
    opened = crop_matrix(compute_placement(fit_pose(pose.apply(mouth_open(neutral, 2.5)))), 200)
    corners = np.array([[0, 0], [200, 0], [0, 200], [200, 200]], float)
    seen = apply_affine(opened, apply_affine(invert_affine(still), corners))
    assert np.abs(seen - corners).max() < 1.2


def test_the_crop_trembles_less_than_what_was_measured(man_frames, man_analysed):
    """Second differences over real footage: what is neither rest nor steady motion."""

    def tremble(places):
        return np.abs(np.diff(np.stack(places)[5:-5], n=2, axis=0)).mean(0)

    tracker = Tracker()
    measured = [tracker(frame.image)[0].landmark_result.landmarks for frame in man_frames]
    raw = tremble([compute_placement(fit_pose(landmarks)) for landmarks in measured])
    smooth = tremble([item.faces[0].placement for item in man_analysed])
    assert (smooth < 0.6 * raw).all()


def test_the_crop_puts_the_face_into_the_middle(man_analysed):
    face = man_analysed[12].faces[0]
    inside = apply_affine(face.matrix(256), face.landmarks)
    assert inside[:, :2].min() > 10
    assert inside[:, :2].max() < 246
    assert abs(inside[33, 1] - inside[263, 1]) < 8  # level eyes
    assert face.box[0] < face.box[2]
    assert np.abs(invert_affine(face.matrix(256)) @ [128, 128, 1] - face.placement[:2]).max() < 0.01


def test_a_strong_reduction_does_not_alias():
    """A checkerboard of single pixels becomes grey, in place."""
    board = (np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    board[:, 256:] = 255
    small = crop(board, Roi(256, 256, 512, 0.0).matrix(64), 64)
    assert np.abs(small[2:-2, 2:30].astype(int) - 128).max() <= 2
    assert (small[:, 34:] == 255).all()


def test_canonical_face_measures_itself():
    """The eye distance of the canonical face at 10 px a centimetre is 6.3 cm."""
    flat = load_canonical_mesh().vertices * [10, -10, -10]
    assert 60 < eye_distance(flat) < 66
