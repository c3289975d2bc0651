"""Tests of `convert --fast`: its loss of quality, and that batched faces equal single ones."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from effigie.compositing import ComposeSettings
from effigie.compositing.canvas import Canvas
from effigie.compositing.grain import GrainSettings
from effigie.faces.analyzer import analyze
from effigie.media import EncodeSettings, VideoReader
from effigie.occlusion.predictor import VisibilityPredictor
from effigie.swap import ConvertSettings, convert
from effigie.swap.checkpoint import load_swap
from effigie.swap.inference.convert import FAST_GRAIN_INTERVAL, use_fast_grain
from effigie.swap.inference.people.cast import FAST_SIDE_SHARE, FAST_VISIBILITY_INTERVAL
from effigie.swap.inference.people.state import FaceCompositor
from effigie.swap.inference.swapper import SIDE_STEP, Swapper


@pytest.fixture(scope="module")
def seen(man):
    """The man's first frames, analysed."""
    with VideoReader(man) as reader:
        frames = list(itertools.islice(iter(reader), 6))
    return list(analyze(frames, rate=25.0))


def test_faces_made_together_are_those_made_one_by_one(quick_model, seen):
    loaded = load_swap(quick_model, "cpu")
    swapper = Swapper(loaded, torch.device("cpu"), "fp32")
    plans = [swapper.plan(item.faces[0], item.frame.index) for item in seen]
    inputs_list = [
        swapper.prepare_inputs(item.frame.image, item.faces[0], plan) for item, plan in zip(seen, plans, strict=True)
    ]
    alone = [swapper.render_faces([prepare_inputs])[0] for prepare_inputs in inputs_list]
    for one, other in zip(alone, swapper.render_faces(inputs_list), strict=True):
        assert (
            np.abs(one.picture - other.picture).max() < 1e-3
        )  # a quarter of a level: batches are summed in other orders
        assert np.array_equal(one.mask, other.mask)


def test_a_fast_face_is_smaller_but_never_below_the_network(quick_model, seen):
    loaded = load_swap(quick_model, "cpu")
    sides = {}
    for side_share in (1.0, FAST_SIDE_SHARE, 0.01):
        swapper = Swapper(loaded, torch.device("cpu"), "fp32", side_share=side_share)
        sides[side_share] = swapper.plan(seen[0].faces[0], 0).side
    assert sides[1.0] > loaded.preset.size
    assert abs(sides[FAST_SIDE_SHARE] - max(FAST_SIDE_SHARE * sides[1.0], loaded.preset.size)) <= SIDE_STEP
    assert sides[0.01] == loaded.preset.size


def test_what_was_asked_for_stays_but_how_often_it_is_measured():
    asked = ComposeSettings(color="histogram", grain=GrainSettings(strength=0.5))
    given = use_fast_grain(asked)
    assert (given.color, given.grain.strength, given.grain.interval) == ("histogram", 0.5, FAST_GRAIN_INTERVAL)
    assert use_fast_grain(ComposeSettings(grain=GrainSettings(interval=9))).grain.interval == 9


def test_fast_through_the_command_line_is_nearly_the_same_picture(quick_model, man, here, tmp_path):
    ended = here("convert", quick_model, man, "--frames-to", "fast", "--fast", "--frames", 6, "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["swapped"] == 6
    png = EncodeSettings(codec="png")
    convert(quick_model, man, tmp_path / "usual", ConvertSettings(encode=png, max_frames=6))
    pairs = zip(*(frames_of(tmp_path / name) for name in ("fast", "usual")), strict=True)
    differences = [np.abs(one.astype(int) - other).max(-1) for one, other in pairs]
    assert 0 < np.mean([(difference > 8).mean() for difference in differences]) < 0.05


def frames_of(path):
    with VideoReader(path) as reader:
        return [frame.image for frame in reader]


def test_what_covers_a_face_is_looked_for_every_other_frame(quick_model, seen):
    class Counting(VisibilityPredictor):
        asked = 0

        def __call__(self, image, face, side):
            Counting.asked += 1
            return super().__call__(image, face, side)

    swapper = Swapper(load_swap(quick_model, "cpu"), torch.device("cpu"), "fp32")
    finish = FaceCompositor(ComposeSettings(), Counting(), FAST_VISIBILITY_INTERVAL)
    for item in seen:
        made = swapper(item.frame.image, item.faces[0], item.frame.index)
        canvas = Canvas(item.frame.image)
        mask = finish(canvas, item.frame, item.faces[0], made)
        assert mask.any()
        assert not np.array_equal(canvas.image, item.frame.image)
    assert Counting.asked == -(-len(seen) // FAST_VISIBILITY_INTERVAL)
