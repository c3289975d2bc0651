"""A swap trained by two processes is the swap that one trains, and the command says who trains and writes it once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from together_swap import run

from effigie.faceset import FaceSet
from effigie.scale.launch import launch
from effigie.training import read_curve

SCRIPT = Path(__file__).with_name("together_swap.py")


def test_two_processes_train_the_swap_that_one_trains(few_faces, tmp_path: Path) -> None:
    """With its critic, whose share of the gradient is balanced over the whole batch, and swapped pictures."""
    arguments = [*map(str, few_faces), str(tmp_path / "run"), "4"]
    assert launch([sys.executable, str(SCRIPT), *arguments], 2) == 0
    first, second = (json.loads((tmp_path / f"run-told{rank}.json").read_text()) for rank in (0, 1))
    one = run(*arguments[:2], str(tmp_path / "one"), "4")
    assert first == second
    assert set(one["curve"][1]) == {"dssim", "l1", "mask", "catch", "fool", "fool_swapped"}
    for alone, together in zip(one["curve"], first["curve"], strict=True):
        assert together == pytest.approx(alone, rel=1e-3, abs=1e-4)


def test_the_command_trains_on_two_devices(effigie, few_faces, tmp_path: Path) -> None:
    sets = ("--source", few_faces[0], "--target", few_faces[1])
    few = ("--steps", 2, "--batch", 4, "--device", "cpu", "--precision", "fp32")
    ended = effigie("train", *sets, *few, "--devices", 2, "-o", "model", "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert said["processes"] == 2 and said["steps"] == 2
    assert "2 processes on cpu, each with 2 of the batch of 4" in ended.err
    model = tmp_path / "model"
    assert {"swap.safetensors", "manifest.json", "bank"} <= {path.name for path in model.iterdir()}
    assert len(FaceSet.open(model / "bank")) > 0
    assert [row.step for row in read_curve(model / "curve.csv") if row.error is not None] == [0, 2]
