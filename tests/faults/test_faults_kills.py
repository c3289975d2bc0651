"""Tests of commands killed at random moments, with the benchmark's code; and of a clock that jumps."""

from __future__ import annotations

import functools
import random
import shutil
import sys
import time

import pytest
import torch
from benchmarks.fixtures.kill_verbs import VERBS
from benchmarks.fixtures.small import SmallMaterial, isolated_home, shrink_clip
from benchmarks.rows import kills
from safetensors.torch import load_file
from small_swap import SMALLEST, small_model

from effigie.media.pictures.writer import write_still
from effigie.swap import SwapSettings, train
from effigie.swap.presets import PRESETS
from effigie.training.checkpoint import CheckpointStore

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")


@pytest.fixture(scope="module")
def things(man, woman, few_faces, woman_consent, model, portrait, tmp_path_factory):
    """Small material as the benchmark makes it, from the fixtures of other tests."""
    folder = tmp_path_factory.mktemp("things")
    small_model(model, folder / "model")
    write_still(folder / "portrait.png", portrait)
    clips = folder / "kill-clips"
    clips.mkdir()
    for name, clip in (("man", man), ("woman", woman)):
        shrink_clip(clip, clips / f"{name}.mp4", 0, 6)
    return SmallMaterial((woman, man), few_faces, woman_consent, folder / "portrait.png", folder / "model")


@pytest.fixture(scope="module")
def reference(things, tmp_path_factory):
    """reference(verb) -> the folder of a run without a kill, and how many seconds it took."""
    work = tmp_path_factory.mktemp("references")

    @functools.cache
    def run(verb):
        with isolated_home(work / "home"):
            return kills._reference(verb, things, work)

    return run


@pytest.mark.study
@pytest.mark.parametrize("verb", ["extract", "convert"])
def test_killed_at_two_moments(things, reference, tmp_path, verb, monkeypatch):
    monkeypatch.setattr(kills, "ORPHANS_S", 120.0)  # of a machine that does much else
    with isolated_home(tmp_path / "home"):
        for number in (1, 2):
            kill = kills._killed(verb, number, things, tmp_path, reference(verb))
            assert not kill.bad, kill


def test_the_kit_sees_what_is_torn_and_what_is_lost(man_faces, tmp_path):
    """The benchmark's checks are given torn and lost files, which they must find."""
    folder = tmp_path / "extract"
    shutil.copytree(man_faces, folder / "faces")
    (part,) = (folder / "faces").glob("part-*.parquet")
    finished = VERBS["extract"].check_killed(folder)
    data = part.read_bytes()
    part.write_bytes(data[: len(data) // 2])
    with pytest.raises(Exception, match="damaged"):
        VERBS["extract"].check_killed(folder)
    part.write_bytes(data)  # the same, but written again: as if the clip had been done twice
    with pytest.raises(AssertionError, match="done again"):
        VERBS["extract"].check_done(folder, folder, finished)
    (folder / "out.mp4").write_bytes(b"half of an output")
    with pytest.raises(Exception, match=r"out\.mp4"):
        VERBS["convert"].check_killed(folder)


def test_training_does_not_look_at_the_wall_clock(few_faces, woman_consent, tmp_path, monkeypatch):
    """The wall clock jumps by days between two evaluations: the same weights, and the whole budget used."""
    monkeypatch.setitem(PRESETS, "tiny", SMALLEST)
    settings = SwapSettings(preset="tiny", steps=3, batch=2, precision="fp32", bank=12)
    true, jumps = time.time, random.Random(3)
    torch.manual_seed(0)  # weights begin with it
    train(*few_faces, tmp_path / "steady", settings, consent=woman_consent)
    monkeypatch.setattr(time, "time", lambda: true() + jumps.uniform(-1e6, 1e6))
    torch.manual_seed(0)
    train(*few_faces, tmp_path / "jumping", settings, consent=woman_consent)
    one, other = (load_file(tmp_path / name / "swap.safetensors") for name in ("steady", "jumping"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    newest = CheckpointStore(tmp_path / "jumping" / "training").newest()
    assert newest is not None and newest.snapshot.step == 3
    assert 0 < newest.record["seconds"] < 10_000  # a jump is some hundred thousand
