"""Tests of shot cuts: tracks and smoothing end there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from effigie.faces.analyzer import analyze
from effigie.faces.mesh import eye_distance
from effigie.faces.shot_detector import ShotDetector
from effigie.media import VideoReader


@dataclass
class Picture:
    image: np.ndarray


def first(path, count, size=(640, 360)):
    with VideoReader(path, stop=count) as reader:
        return [cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA) for frame in reader]


def found(frames):
    cuts = ShotDetector()
    return [index for index, frame in enumerate(frames) if cuts(frame)]


def test_a_cut_between_two_people_and_back(man, woman):
    one, other = first(man, 10), first(woman, 10)
    assert found([*one, *other, *one]) == [10, 20]


def test_fast_motion_fades_and_noise_are_no_cut(man):
    (still,) = first(man, 1)
    moved = [np.roll(still, 2 * index**2, axis=1) for index in range(20)]
    faded = [(still * (1 - index / 12)).astype(np.uint8) for index in range(12)]
    random = np.random.default_rng(0)
    noisy = [np.clip(still + random.normal(0, 12, still.shape), 0, 255).astype(np.uint8) for _ in range(12)]
    for frames in (moved, faded, noisy):
        assert found([still] * 6 + frames) == []


@pytest.mark.slow
def test_no_cut_in_a_shot(sample):
    for name in ("sample_man", "sample_woman", "sample_group"):
        assert found(first(sample(name), 80)) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 700, 3), (90, 40, 3)])
def test_any_size_and_another_one_is_a_cut(shape):
    cuts, black = ShotDetector(), np.zeros(shape, np.uint8)
    assert not cuts(black)
    assert not cuts(black)
    assert cuts(np.zeros((50, 60, 3), np.uint8)) == (shape[0] != 5)


def test_a_face_in_the_same_place_is_another_persons_after_a_cut(man, woman):
    """Both faces fill the middle: without the cut the track of the first would slide onto the second."""
    one, other = first(man, 12), first(woman, 12)
    faces = [item.faces[0] for item in analyze([Picture(image) for image in [*one, *other]])]
    assert {face.track for face in faces[:12]}.isdisjoint(face.track for face in faces[12:])
    alone = [item.faces[0] for item in analyze([Picture(image) for image in other])]
    for face, expected in zip(faces[12:], alone, strict=True):
        apart = np.linalg.norm(face.landmarks[:, :2] - expected.landmarks[:, :2], axis=1).mean()
        assert apart < 0.02 * eye_distance(expected.landmarks)
