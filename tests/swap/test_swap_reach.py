"""Tests of heads turned beyond the source's footage: how they are swapped, and what is reported."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from effigie.swap.inference.pose_limits import (
    DISSOLVE_SECONDS,
    GEOMETRY_LIMIT,
    RESUME_BELOW,
    SKIP_ABOVE,
    ExtremePoseLog,
    PoseLimiter,
    PoseState,
    format_frame_ranges,
)

RATE = 25.0


def turned(yaw, pitch=0.0):
    """The part of a geometry that is used here."""
    return SimpleNamespace(pose=SimpleNamespace(angles=np.array([yaw, pitch, 0.0])))


@pytest.fixture
def reach():
    return PoseLimiter([turned(yaw) for yaw in (-5, 0, 10)], RATE)


def test_what_the_footage_shows_is_made_by_the_networks(reach):
    for yaw in (-10, 0, 7, 15):
        assert reach(turned(yaw)) == PoseState(
            reach(turned(yaw)).excess_angle, 0.0, 1.0, reach(turned(yaw)).side_growth
        )
    assert reach(turned(0)).side_growth == 1
    assert reach(turned(10, pitch=5)).excess_angle == pytest.approx(5)


def test_networks_hand_over_to_geometry_little_by_little(reach):
    shares = [reach(turned(10 + excess_angle)).geometry_weight for excess_angle in range(0, 30)]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert np.diff(shares).min() >= 0
    assert np.diff(shares).max() < 0.2


def test_beyond_that_the_footage_stays_and_comes_back_without_a_jump(reach):
    sweep = [0, *np.linspace(0, 80, 60), *[80] * 10, *np.linspace(80, 0, 60), *[0] * 10]
    faces = [reach(turned(yaw)).opacity for yaw in sweep]
    assert min(faces) == 0
    assert faces[-1] == 1
    assert np.abs(np.diff(faces)).max() <= 1 / (DISSOLVE_SECONDS * RATE) + 1e-9


def test_a_head_at_the_border_does_not_flicker(reach):
    for _ in range(20):
        reach(turned(10 + SKIP_ABOVE + 1))
    between = (SKIP_ABOVE + RESUME_BELOW) / 2
    assert all(reach(turned(10 + between)).is_skipped for _ in range(20))
    reach.reset()
    assert all(not reach(turned(10 + between)).is_skipped for _ in range(20))


def test_where_nobody_may_be_recognised_no_face_is_left():
    reach = PoseLimiter([turned(0)], RATE, skip_extreme=False)
    for yaw in (0, 30, 80):
        shown = reach(turned(yaw))
        assert shown.opacity == 1
    assert shown.geometry_weight == 1


def test_after_a_cut_nothing_is_dissolved(reach):
    assert reach(turned(0)).opacity == 1
    reach.reset()
    assert reach(turned(70)).is_skipped


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([4], "frame 4"),
        ([4, 5, 6], "frames 4-6"),
        ([0, 1, 3, 7, 8], "frames 0-1, 3 and 7-8"),
        (list(range(0, 100, 2)), "50 frames between 0 and 98"),
    ],
)
def test_frames_are_named(frames, words):
    assert format_frame_ranges(frames) == words


def test_notes_say_which_frames(reach):
    notes = ExtremePoseLog()
    for frame, yaw in enumerate([0, 10, 10 + GEOMETRY_LIMIT + 2, 90, 90, *[90] * 8]):
        notes.add(frame, reach(turned(yaw)))
    is_skipped, alone = notes.notes()
    assert is_skipped.startswith("frames 7-12: ")
    assert "left as it is" in is_skipped
    assert alone.startswith("frames 2-6: ")
    assert ExtremePoseLog().notes() == []
