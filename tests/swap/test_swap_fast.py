"""`convert --fast`: what it gives up, and that faces made together are those made one by one."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from effigie.compositing import ComposeSettings
from effigie.compositing.grain import GrainSettings
from effigie.faces.analyzer import analyze
from effigie.media import EncodeSettings, Reader
from effigie.occlusion.predictor import Visibility
from effigie.swap.inference import fast
from effigie.swap import ConvertSettings, convert
from effigie.swap.inference.compositing import Finish
from effigie.swap.checkpoint import load_swap
from effigie.swap.inference.swapper import STEP, Swapper


@pytest.fixture(scope="module")
def seen(man):
    """The man's first frames, analysed."""
    with Reader(man) as reader:
        frames = list(itertools.islice(iter(reader), 6))
    return list(analyze(frames, rate=25.0))


def test_faces_made_together_are_those_made_one_by_one(model, seen):
    loaded = load_swap(model, "cpu")
    swapper = Swapper(loaded, torch.device("cpu"), "fp32")
    sketches = [swapper.sketch(item.frame.image, item.faces[0], item.frame.index) for item in seen]
    alone = [swapper.make([sketch])[0] for sketch in sketches]
    for one, other in zip(alone, swapper.make(sketches), strict=True):
        assert np.abs(one.picture - other.picture).max() < 1e-5
        assert np.array_equal(one.mask, other.mask)


def test_a_fast_face_is_smaller_but_never_below_the_network(model, seen):
    loaded = load_swap(model, "cpu")
    sides = {}
    for finest in (1.0, fast.FINEST, 0.01):
        swapper = Swapper(loaded, torch.device("cpu"), "fp32", finest=finest)
        sides[finest] = swapper.sketch(seen[0].frame.image, seen[0].faces[0], 0).side
    assert sides[1.0] > loaded.preset.size
    assert abs(sides[fast.FINEST] - max(fast.FINEST * sides[1.0], loaded.preset.size)) <= STEP
    assert sides[0.01] == loaded.preset.size


def test_what_was_asked_for_stays_but_how_often_it_is_measured():
    asked = ComposeSettings(color="histogram", grain=GrainSettings(strength=0.5))
    given = fast.composed(asked)
    assert (given.color, given.grain.strength, given.grain.every) == ("histogram", 0.5, fast.MEASURED_EVERY)
    assert fast.composed(ComposeSettings(grain=GrainSettings(every=9))).grain.every == 9


def test_fast_through_the_command_line_is_nearly_the_same_picture(model, man, run_once, tmp_path):
    ended = run_once("convert", model, man, "-o", "fast", "--fast", "--frames", "8", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["swapped"] == 8
    png = EncodeSettings(codec="png")
    convert(model, man, tmp_path / "usual", ConvertSettings(encode=png, stop_after=8))
    pairs = zip(*(frames_of(tmp_path / name) for name in ("fast", "usual")), strict=True)
    differences = [np.abs(one.astype(int) - other).max(-1) for one, other in pairs]
    assert 0 < np.mean([(difference > 8).mean() for difference in differences]) < 0.05


def frames_of(path):
    with Reader(path) as reader:
        return [frame.image for frame in reader]


def test_what_covers_a_face_is_looked_for_every_other_frame(model, seen):
    class Counting(Visibility):
        asked = 0

        def __call__(self, image, face, side):
            Counting.asked += 1
            return super().__call__(image, face, side)

    swapper = Swapper(load_swap(model, "cpu"), torch.device("cpu"), "fp32")
    finish = Finish(ComposeSettings(), Counting(), fast.COVERS_EVERY)
    for item in seen:
        made = swapper(item.frame.image, item.faces[0], item.frame.index)
        picture, mask = finish(item.frame.image, item.frame, item.faces[0], made)
        assert mask.any()
        assert not np.array_equal(picture, item.frame.image)
    assert Counting.asked == -(-len(seen) // fast.COVERS_EVERY)
