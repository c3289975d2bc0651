"""Tests that two processes train the same swap as one, and that the command reports and writes it once."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
from together_swap import run

from effigie.execution.launch import launch
from effigie.faceset import FaceSet
from effigie.training.checkpoint import CheckpointStore

SCRIPT = Path(__file__).with_name("together_swap.py")


def test_two_processes_train_the_swap_that_one_trains(few_faces, tmp_path: Path) -> None:
    """With its critic, whose share of the gradient is balanced over the whole batch, and swapped pictures."""
    arguments = [*map(str, few_faces), str(tmp_path / "run"), "4"]
    assert launch([sys.executable, str(SCRIPT), *arguments], 2) == 0
    first, second = (json.loads((tmp_path / f"run-told{rank}.json").read_text()) for rank in (0, 1))
    one = run(*arguments[:2], str(tmp_path / "one"), "4")
    assert first == second
    assert set(one["curve"][1]) == {"dssim", "l1", "catch", "fool"}
    for alone, together in zip(one["curve"], first["curve"], strict=True):
        assert together == pytest.approx(alone, rel=1e-3, abs=1e-4)
    # ... and stopped in between, one repeats itself to the last bit, whatever its pools of pictures have lost.
    run(*arguments[:2], str(tmp_path / "parts"), "2")
    rest = run(*arguments[:2], str(tmp_path / "parts"), "4")
    assert rest["curve"] == one["curve"][2:]
    assert rest["weights"] == one["weights"]


@pytest.mark.study
def test_the_command_trains_on_two_devices_and_goes_on_with_one(start, here, few_faces, tmp_path: Path) -> None:
    sets = ("--source", few_faces[0], "--target", few_faces[1])
    few = ("--batch", 4, "--device", "cpu", "--precision", "fp32", "-o", tmp_path / "model")
    command = start("train", *sets, *few, "--minutes", 9, "--devices", 2)
    command.wait_for("train: ")
    command.process.send_signal(signal.SIGINT)
    ended = command.end(300)
    assert ended.code == 130 and command.nobody_left(120)
    assert "2 processes on cpu, each with 2 of the batch of 4" in ended.err
    assert ended.err.count("choose frames: 2/2") == 1, "one of them speaks"
    saved = CheckpointStore(tmp_path / "model" / "training").newest()
    assert saved is not None and saved.record["processes"] == 2
    more = saved.snapshot.step + 1
    ended = here("train", *sets, *few, "--steps", more, "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert (said["processes"], said["steps"]) == (1, more)
    written = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"swap.safetensors", "manifest.json"} <= written
    assert len(FaceSet.open(tmp_path / "model" / "bank")) > 0
