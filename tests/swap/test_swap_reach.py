"""Heads that turn beyond what the source's footage shows: what is made of them, and what is said."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from effigie.swap.inference.pose_limits import DISSOLVE, LEAVE, RETURN, STRANGE, Reach, Shown, Turned, stretches

RATE = 25.0


def turned(yaw, pitch=0.0):
    """All that is looked at of a geometry."""
    return SimpleNamespace(pose=SimpleNamespace(angles=np.array([yaw, pitch, 0.0])))


@pytest.fixture
def reach():
    return Reach([turned(yaw) for yaw in (-5, 0, 10)], RATE)


def test_what_the_footage_shows_is_made_by_the_networks(reach):
    for yaw in (-10, 0, 7, 15):
        assert reach(turned(yaw)) == Shown(reach(turned(yaw)).beyond, 0.0, 1.0, reach(turned(yaw)).side)
    assert reach(turned(0)).side == 1
    assert reach(turned(10, pitch=5)).beyond == pytest.approx(5)


def test_networks_hand_over_to_geometry_little_by_little(reach):
    shares = [reach(turned(10 + beyond)).geometry for beyond in range(0, 30)]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert np.diff(shares).min() >= 0
    assert np.diff(shares).max() < 0.2


def test_beyond_that_the_footage_stays_and_comes_back_without_a_jump(reach):
    sweep = [0, *np.linspace(0, 80, 60), *[80] * 10, *np.linspace(80, 0, 60), *[0] * 10]
    faces = [reach(turned(yaw)).face for yaw in sweep]
    assert min(faces) == 0
    assert faces[-1] == 1
    assert np.abs(np.diff(faces)).max() <= 1 / (DISSOLVE * RATE) + 1e-9


def test_a_head_at_the_border_does_not_flicker(reach):
    for _ in range(20):
        reach(turned(10 + LEAVE + 1))
    between = (LEAVE + RETURN) / 2
    assert all(reach(turned(10 + between)).left for _ in range(20))
    reach.reset()
    assert all(not reach(turned(10 + between)).left for _ in range(20))


def test_where_nobody_may_be_recognised_no_face_is_left():
    reach = Reach([turned(0)], RATE, leave=False)
    for yaw in (0, 30, 80):
        shown = reach(turned(yaw))
        assert shown.face == 1
    assert shown.geometry == 1


def test_after_a_cut_nothing_is_dissolved(reach):
    assert reach(turned(0)).face == 1
    reach.reset()
    assert reach(turned(70)).left


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
    assert stretches(frames) == words


def test_notes_say_which_frames(reach):
    notes = Turned()
    for frame, yaw in enumerate([0, 10, 10 + STRANGE + 2, 90, 90, *[90] * 8]):
        notes.note(frame, reach(turned(yaw)))
    left, alone = notes.notes()
    assert left.startswith("frames 7-12: ")
    assert "left as it is" in left
    assert alone.startswith("frames 2-6: ")
    assert Turned().notes() == []
