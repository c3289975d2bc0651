"""Tests of liveness on real footage: a head that turns, the same face on a sheet, pieces joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from effigie.consent.witness import BLINK, SMILE, TURN_LEFT, TURN_RIGHT
from effigie.granting.continuity import measure_jumps
from effigie.granting.liveness import MAX_JUMP, MIN_RELIEF, judge_liveness
from effigie.granting.performance import CROP_SIZE, Performance, View
from effigie.granting.relief import measure_relief


def test_a_head_that_turned_is_alive(performance: Performance) -> None:
    seen = judge_liveness(performance, (TURN_LEFT, SMILE))
    assert seen.refusals == () and not seen.mirrored
    assert seen.relief is not None and seen.relief > MIN_RELIEF
    assert seen.step_motions is not None and [motion.kind for motion in seen.step_motions] == [TURN_LEFT, SMILE]


def test_a_camera_that_mirrors_is_understood(performance: Performance) -> None:
    assert judge_liveness(performance, (TURN_RIGHT, SMILE)).mirrored


@pytest.mark.parametrize(
    "steps", [(SMILE, TURN_LEFT), (TURN_LEFT,), (TURN_LEFT, BLINK), (TURN_LEFT, TURN_RIGHT, SMILE)]
)
def test_other_steps_are_not_answered(performance: Performance, steps: tuple[str, ...]) -> None:
    refusals = judge_liveness(performance, steps).refusals
    assert len(refusals) == 1 and "in that order" in refusals[0]


def test_a_sheet_has_no_relief(performance: Performance) -> None:
    """Her face on a cylinder that turns: the landmarks are carried along, as a network would place them at best."""
    first = next(view for view in performance.views if view is not None)
    assert (found := measure_relief(turn_sheet(first))) is not None and found < MIN_RELIEF


def turn_sheet(view: View) -> Sequence[View]:
    """Views of a crop printed on a sheet that is bent and turned by 30 degrees in sixteen frames."""
    views = []
    rows, columns = np.mgrid[:CROP_SIZE, :CROP_SIZE].astype(np.float32)
    u = (columns - CROP_SIZE / 2) / (CROP_SIZE / 2)
    for angle in np.radians(np.linspace(0, 30, 16)):
        # Where on the sheet a pixel looks: a turn narrows it, and a bend moves its middle.
        seen = u / np.cos(angle) - np.sin(angle) * 0.35 * (1 - u * u)
        crop = cv2.remap(view.crop, ((seen + 1) * CROP_SIZE / 2).astype(np.float32), rows, cv2.INTER_LINEAR)
        places = view.landmarks.copy()
        line = (places[:, 0] - CROP_SIZE / 2) / (CROP_SIZE / 2)
        grid = np.linspace(-1.5, 1.5, 600)
        on_sheet = grid / np.cos(angle) - np.sin(angle) * 0.35 * (1 - grid * grid)
        places[:, 0] = np.interp(line, on_sheet, grid) * CROP_SIZE / 2 + CROP_SIZE / 2
        # The network believes in a nose that sticks out, here by a tenth of the face.
        nose = np.exp(-(((places[:, :2] - places[4, :2]) / 18) ** 2).sum(1))
        places[:, 0] += nose * np.sin(angle) * CROP_SIZE / 10
        views.append(View(crop, places))
    return views


def test_footage_in_one_go_does_not_jump(performance: Performance) -> None:
    assert measure_jumps(performance).max() < MAX_JUMP


def test_pieces_that_were_joined_jump(performance: Performance) -> None:
    order = [*range(28, 48), *range(20)]
    joined = replace(
        performance,
        times=performance.times[: len(order)],
        scene=performance.scene[order],
        views=[performance.views[number] for number in order],
    )
    jumps = measure_jumps(joined)
    assert int(jumps.argmax()) == 20 and jumps[20] > MAX_JUMP
