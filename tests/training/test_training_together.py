"""Several processes train as one: the same batches, gradients, weights and decisions; one fails, all end."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from regression_task import Regression
from together_script import run

from effigie.errors import EffigieError, UsageError
from effigie.execution.launch import announced, launch
from effigie.training import TrainingSettings, train
from effigie.training.checkpoint import Checkpoints, read_checkpoint
from effigie.training.data.sample_key import share_of, slots
from effigie.training.process_group import joined

SCRIPT = Path(__file__).with_name("together_script.py")
ALL = {"checkpoint_every_s": 0, "keep": 99}


class Run:
    """What processes left behind: exit code, and what each told at its end. One alone is this one."""

    def __init__(self, folder: Path, task: str, processes: int, **settings: Any) -> None:
        begun = time.monotonic()
        self.folder, self.code = folder, 0
        if processes == 1:
            self.told = [run(task, str(folder), settings)]
            return
        written = f"{folder}-told"
        command = [sys.executable, str(SCRIPT), task, str(folder), written, json.dumps(settings)]
        self.code = launch(command, processes)
        self.seconds = time.monotonic() - begun
        paths = [Path(f"{written}{rank}.json") for rank in range(processes)]
        self.told = [json.loads(path.read_text()) if path.exists() else {} for path in paths]

    @property
    def curve(self) -> np.ndarray:
        """(steps, 1 + terms) of the first process."""
        return np.array(self.told[0]["curve"])

    def saved(self, step: int) -> dict[str, torch.Tensor]:
        path = self.folder / "training" / f"step-{step:06d}.safetensors"
        return dict(read_checkpoint(path)[0].tensors)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One process, to the end."""
    return Run(tmp_path_factory.mktemp("together") / "run", "Contest", 1, steps=30, **ALL)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two, less far."""
    return Run(tmp_path_factory.mktemp("together") / "run", "Contest", 2, steps=12, **ALL)


def test_gradients_equal_those_of_one_process_with_the_same_batch(alone: Run, both: Run) -> None:
    """An adversary, balancing, batch norm, weights by the batch and random numbers in the losses included."""
    one, two = alone.saved(1), both.saved(1)
    moments = [name for name in one if name.endswith("exp_avg")]
    assert len(moments) == 10
    for name in moments:  # after one step a tenth of the gradient
        assert torch.allclose(two[name], one[name], rtol=1e-4, atol=1e-6), name
    assert np.abs(both.curve - alone.curve[:12]).max() < 1e-4


def test_all_end_with_the_same_weights_and_know_the_same(both: Run) -> None:
    first, second = both.told
    assert both.code == 0 and first["digest"] == second["digest"], "to the last bit"
    assert first["curve"] == second["curve"] and first["processes"] == second["processes"] == 2
    assert first["rows"] == second["rows"], "who does not write knows the curve too"
    assert not Path(f"{both.folder}-none").exists(), "the second process needs no folder"


def test_one_goes_on_where_two_have_stopped_and_two_where_one_has(
    tmp_path: Path, alone: Run, both: Run
) -> None:
    shutil.copytree(both.folder, tmp_path / "one")
    one = Run(tmp_path / "one", "Contest", 1, steps=30, **ALL)
    Run(tmp_path / "two", "Contest", 1, steps=12)
    two = Run(tmp_path / "two", "Contest", 2, steps=30, **ALL)
    for rest in (one, two):
        assert rest.curve[:, 0].tolist() == list(range(13, 31))
        assert np.abs(rest.curve - alone.curve[12:]).max() < 1e-3
        end, wanted = rest.saved(30), alone.saved(30)
        assert max(float((end[n] - wanted[n]).abs().max()) for n in end if n.startswith("average")) < 1e-3


def test_a_loss_that_is_no_number_on_one_rolls_back_both_and_patience_ends_both(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "NanOnOne", 2, steps=400, patience=5, evaluate_every_steps=4)
    assert run.code == 0 and run.told[0]["digest"] == run.told[1]["digest"]
    for told in run.told:
        assert len(told["notes"]) == 1 and "step 12: loss square is nan" in told["notes"][0]
        assert told["why"] == "no improvement" and told["steps"] == 24
        assert np.isfinite(told["curve"]).all()


def test_an_error_on_one_ends_both_with_its_message(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "FailsOnOne", 2, steps=400)
    assert run.code == 1 and run.seconds < 60
    assert run.told[1]["error"] == "OSError: crop 17 cannot be read"
    assert run.told[0]["error"] == "PeerError: process 1 of 2: OSError: crop 17 cannot be read"
    assert Checkpoints(run.folder / "training").newest() is not None, "what was reached is kept"


def test_one_that_is_killed_ends_both(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "DiesOnOne", 2, steps=400)
    assert run.code == 9 and run.seconds < 60
    assert "want of memory" in run.told[0]["error"]


def test_stopping_one_stops_both_at_the_same_step(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "Slow", 2, steps=4000, stop_at=17)
    assert [told["error"].split(":")[0] for told in run.told] == ["Cancelled", "Cancelled"]
    assert [told["curve"][-1][0] for told in run.told] == [17, 17]
    newest = Checkpoints(run.folder / "training").newest()
    assert newest is not None and newest.snapshot.step == 17


def test_a_batch_is_the_same_however_many_make_it() -> None:
    whole = Regression(noise=0.1).batch(slots(1, 0, 5, range(8)))
    halves = [Regression(noise=0.1).batch(slots(1, 0, 5, share_of(rank, 2, 8, 32))) for rank in range(2)]
    assert (np.concatenate([half["x"] for half in halves]) == whole["x"]).all()
    assert (np.concatenate([half["y"] for half in halves]) == whole["y"]).all()
    with pytest.raises(UsageError, match=r"batch of 32 .* 3 processes: choose 24 or 36"):
        share_of(0, 3, 8, 32)


def test_a_world_that_does_not_come_up_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert announced({}).size == 1
    with pytest.raises(UsageError, match="RANK, MASTER_ADDR, MASTER_PORT not set"):
        announced({"WORLD_SIZE": "2"})
    with pytest.raises(UsageError, match="process 2 of 2"):
        announced({"WORLD_SIZE": "2", "RANK": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"})
    for name, value in {
        "WORLD_SIZE": "2",
        "RANK": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "9",  # nobody answers there
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EffigieError, match=r"2 processes were announced, .* within 1 s"), joined(start_s=1):
        train(Regression(), tmp_path, TrainingSettings(steps=1))
