"""Tests of repeated frames: one measurement for each; frames with any motion are measured separately."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from effigie.faces.analyzer import SmoothingSettings, analyze
from effigie.faces.duplicate_frames import MAX_DUPLICATES, DuplicateFrameDetector
from effigie.media import VideoReader


@dataclass(frozen=True)
class Shown:
    image: np.ndarray
    number: int


@pytest.fixture(scope="module")
def pictures(man):
    with VideoReader(man) as reader:
        return [frame.image for frame, _ in zip(reader, range(24), strict=False)]


def face_points() -> np.ndarray:
    return np.random.default_rng(0).uniform([100, 80, -20], [220, 210, 20], (478, 3))


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (300, 320, 3), dtype=np.uint8)


def test_the_same_picture_with_coding_noise_is_a_repeat():
    repeats, image = DuplicateFrameDetector(), noise(0)
    repeats.set_reference(image, [face_points()])
    disturbed = image.copy()
    disturbed[::9, ::9] = np.clip(disturbed[::9, ::9].astype(int) + 2, 0, 255)
    assert repeats(disturbed)


def test_a_small_local_movement_is_none():
    repeats, image = DuplicateFrameDetector(), noise(0)
    repeats.set_reference(image, [face_points()])
    moved = image.copy()
    moved[120:128, 140:152] = noise(1)[120:128, 140:152]
    assert not repeats(moved)


def test_movement_elsewhere_does_not_matter():
    repeats, image = DuplicateFrameDetector(), noise(0)
    repeats.set_reference(image, [face_points()])
    moved = image.copy()
    moved[250:] = 0
    assert repeats(moved)


def test_without_a_face_nothing_repeats():
    repeats, image = DuplicateFrameDetector(), noise(0)
    repeats.set_reference(image, [])
    assert not repeats(image)


def test_a_still_picture_is_measured_now_and_then():
    repeats, image = DuplicateFrameDetector(), noise(0)
    repeats.set_reference(image, [face_points()])
    assert [repeats(image) for _ in range(MAX_DUPLICATES + 1)] == [True] * MAX_DUPLICATES + [False]


def test_repeated_frames_share_their_picture_s_face_and_keep_their_order(pictures):
    shown = [Shown(image.copy(), 3 * i + k) for i, image in enumerate(pictures) for k in range(3)]
    found = list(analyze(shown, rate=75.0))
    assert [item.frame.number for item in found] == list(range(len(shown)))
    assert all(item.faces for item in found)
    for start in range(0, len(found), 3):
        first, *others = found[start : start + 3]
        assert all((other.faces[0].landmarks == first.faces[0].landmarks).all() for other in others)


def test_repeats_do_not_change_what_is_measured(pictures):
    """A clip shown at three times its rate measures as the clip itself does."""
    settings = SmoothingSettings(max_radius=4)
    once = list(analyze([Shown(image, 0) for image in pictures], settings=settings, rate=25.0))
    thrice = list(analyze([Shown(image, 0) for image in pictures for _ in range(3)], settings=settings, rate=75.0))
    for one, other in zip(once[6:-6], thrice[18:-18:3], strict=True):
        assert np.abs(one.faces[0].landmarks - other.faces[0].landmarks).max() < 0.15


def test_few_frames_wait(pictures):
    """The delay of a frame is bounded, repeated or not."""
    came = 0

    def coming():
        nonlocal came
        for image in pictures:
            for _ in range(4):
                came += 1
                yield Shown(image, came)

    settings = SmoothingSettings()
    assert max(came - item.frame.number for item in analyze(coming(), rate=100.0)) <= 2 * settings.max_radius + 8
