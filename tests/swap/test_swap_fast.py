"""`convert --fast`: what it gives up, and that faces made together are those made one by one."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from effigie.compose import ComposeSettings
from effigie.compose.grain import GrainSettings
from effigie.faces.analyse import analyse
from effigie.media import EncodeSettings, Reader
from effigie.occlusion.mask import Visibility
from effigie.swap import ConvertSettings, convert_clip, fast
from effigie.swap.finish import Finish
from effigie.swap.model import load_model
from effigie.swap.swapper import STEP, Swapper


@pytest.fixture(scope="module")
def seen(man):
    """The man's first frames, analysed."""
    with Reader(man) as reader:
        frames = list(itertools.islice(iter(reader), 6))
    return list(analyse(frames, rate=25.0))


def test_faces_made_together_are_those_made_one_by_one(quick_model, seen):
    loaded = load_model(quick_model, "cpu")
    swapper = Swapper(loaded, torch.device("cpu"), "fp32")
    sketches = [swapper.sketch(item.frame.image, item.faces[0], item.frame.index) for item in seen]
    alone = [swapper.make([sketch])[0] for sketch in sketches]
    for one, other in zip(alone, swapper.make(sketches), strict=True):
        assert (
            np.abs(one.picture - other.picture).max() < 1e-3
        )  # a quarter of a level: batches are summed in other orders
        assert np.array_equal(one.mask, other.mask)


def test_a_fast_face_is_smaller_but_never_below_the_network(quick_model, seen):
    loaded = load_model(quick_model, "cpu")
    sides = {}
    for finest in (1.0, fast.FINEST, 0.01):
        swapper = Swapper(loaded, torch.device("cpu"), "fp32", finest=finest)
        sides[finest] = swapper.sketch(seen[0].frame.image, seen[0].faces[0], 0).side
    assert sides[1.0] > loaded.preset.size
    assert abs(sides[fast.FINEST] - max(fast.FINEST * sides[1.0], loaded.preset.size)) <= STEP
    assert sides[0.01] == loaded.preset.size


def test_what_was_asked_for_stays_but_how_often_it_is_measured():
    asked = ComposeSettings(colour="histogram", grain=GrainSettings(strength=0.5))
    given = fast.composed(asked)
    assert (given.colour, given.grain.strength, given.grain.every) == ("histogram", 0.5, fast.MEASURED_EVERY)
    assert fast.composed(ComposeSettings(grain=GrainSettings(every=9))).grain.every == 9


def test_fast_through_the_command_line_is_nearly_the_same_picture(quick_model, man, here, tmp_path):
    ended = here("convert", quick_model, man, "-o", "fast", "--fast", "--frames", 6, "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["swapped"] == 6
    png = EncodeSettings(codec="png")
    convert_clip(quick_model, man, tmp_path / "usual", ConvertSettings(encode=png, stop_after=6))
    pairs = zip(*(frames_of(tmp_path / name) for name in ("fast", "usual")), strict=True)
    differences = [np.abs(one.astype(int) - other).max(-1) for one, other in pairs]
    assert 0 < np.mean([(difference > 8).mean() for difference in differences]) < 0.05


def frames_of(path):
    with Reader(path) as reader:
        return [frame.image for frame in reader]


def test_what_covers_a_face_is_looked_for_every_other_frame(quick_model, seen):
    class Counting(Visibility):
        asked = 0

        def __call__(self, image, face, side):
            Counting.asked += 1
            return super().__call__(image, face, side)

    swapper = Swapper(load_model(quick_model, "cpu"), torch.device("cpu"), "fp32")
    finish = Finish(ComposeSettings(), Counting(), fast.COVERS_EVERY)
    for item in seen:
        made = swapper(item.frame.image, item.faces[0], item.frame.index)
        picture, mask = finish(item.frame.image, item.frame, item.faces[0], made)
        assert mask.any()
        assert not np.array_equal(picture, item.frame.image)
    assert Counting.asked == -(-len(seen) // fast.COVERS_EVERY)
