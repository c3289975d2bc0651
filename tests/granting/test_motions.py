"""Tests of motions: found in signals, and matched with what was asked."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.consent.witness import BLINK, LOOK_UP, OPEN_MOUTH, SMILE, TURN_LEFT, TURN_RIGHT
from effigie.granting.motions import Motion, find_motions, match_steps, mirror_steps
from effigie.granting.performance import Performance

RATE, SECONDS = 25, 12


def bump(at: float, height: float, width: float = 1.0) -> np.ndarray:
    """A rise and fall of so many seconds around a time."""
    times = np.arange(RATE * SECONDS) / RATE
    return height * np.clip(1 - np.abs(times - at) / (width / 2), 0, 1)


def performed(**signals: np.ndarray) -> Performance:
    count = RATE * SECONDS
    still = {"yaw": 3.0, "pitch": -4.0, "lids": 0.3, "mouth": 0.02, "smile": 0.05}
    values = {name: np.full(count, value) + signals.get(name, 0) for name, value in still.items()}
    nobody = np.zeros((0, 128), np.float32)
    scene = np.zeros((count, 2, 2), np.uint8)
    times = np.arange(count) / RATE
    return Performance(
        times, **values, views=[], embeddings=nobody, embedded=np.zeros(0), scene=scene, second_face_share=0.0
    )


def kinds(performance: Performance) -> list[str]:
    return [motion.kind for motion in find_motions(performance)]


def test_each_motion_is_found_where_it_is_made() -> None:
    shown = performed(
        yaw=bump(2, 14) - bump(4, 14),
        pitch=-bump(6, 13),
        smile=bump(8, 0.7),
        mouth=bump(10, 0.5),
        lids=-bump(11, 0.28, 0.4),
    )
    assert kinds(shown) == [TURN_LEFT, TURN_RIGHT, LOOK_UP, SMILE, OPEN_MOUTH, BLINK]
    assert [round(motion.peak) for motion in find_motions(shown)] == [2, 4, 6, 8, 10, 11]


def test_a_face_that_keeps_still_makes_none() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, RATE * SECONDS)
    assert kinds(performed(yaw=100 * noise, lids=noise, smile=noise)) == []


def test_eyes_that_stay_shut_are_no_blink() -> None:
    assert kinds(performed(lids=-bump(6, 0.9, 8).clip(0, 0.28))) == []


def made(*names: str, extent: float = 2.0) -> list[Motion]:
    return [Motion(name, at, at + 0.3, at + 0.6, extent) for at, name in enumerate(names)]


def test_the_order_is_what_counts() -> None:
    motions = made(SMILE, TURN_LEFT, BLINK, OPEN_MOUTH)
    assert [motion.kind for motion in match_steps((SMILE, TURN_LEFT, BLINK, OPEN_MOUTH), motions) or []] == [
        SMILE,
        TURN_LEFT,
        BLINK,
        OPEN_MOUTH,
    ]
    assert match_steps((TURN_LEFT, SMILE, BLINK, OPEN_MOUTH), motions) is None
    assert match_steps((SMILE, TURN_LEFT, BLINK), motions) is None  # a mouth that nobody asked for
    assert match_steps((SMILE, TURN_LEFT, BLINK, OPEN_MOUTH, BLINK), motions) is None


def test_blinks_slight_motions_and_repetitions_are_no_contradiction() -> None:
    motions = made(BLINK, SMILE, BLINK, SMILE, TURN_RIGHT)
    assert match_steps((SMILE, TURN_RIGHT), motions) is not None
    slight = sorted([*made(SMILE, TURN_RIGHT), Motion(OPEN_MOUTH, 0.5, 0.6, 0.7, 1.2)], key=lambda one: one.begin)
    assert match_steps((SMILE, TURN_RIGHT), slight) is not None


def test_two_steps_at_once_are_not_one_after_another() -> None:
    motions = [Motion(SMILE, 1.0, 1.3, 1.6, 2.0), Motion(OPEN_MOUTH, 1.04, 1.3, 1.6, 2.0)]
    assert match_steps((SMILE, OPEN_MOUTH), motions) is None


@pytest.mark.parametrize("steps", [(TURN_LEFT, BLINK), (TURN_RIGHT, LOOK_UP, TURN_LEFT)])
def test_mirroring_changes_sides_alone(steps: tuple[str, ...]) -> None:
    assert mirror_steps(mirror_steps(steps)) == steps
    assert mirror_steps(steps) != steps and len(mirror_steps(steps)) == len(steps)
