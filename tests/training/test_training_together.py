"""Several processes train as one: the same batches, gradients, weights and decisions; one fails, all end."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from regression_task import Regression

from effigie.errors import EffigieError, UsageError
from effigie.scale.launch import announced, launch
from effigie.training import TrainingSettings, train
from effigie.training.checkpoints import Checkpoints
from effigie.training.slots import share_of, slots
from effigie.training.world import joined

SCRIPT = Path(__file__).with_name("together_script.py")


class Run:
    """What processes left behind: exit code, and what each told at its end."""

    def __init__(self, folder: Path, task: str, processes: int, **settings: Any) -> None:
        begun = time.monotonic()
        self.folder, written = folder, f"{folder}-told"
        for rank in range(processes):
            Path(f"{written}{rank}.json").unlink(missing_ok=True)
        command = [sys.executable, str(SCRIPT), task, str(folder), written, json.dumps(settings)]
        self.code = launch(command, processes)
        self.seconds = time.monotonic() - begun
        paths = [Path(f"{written}{rank}.json") for rank in range(processes)]
        self.told = [json.loads(path.read_text()) if path.exists() else None for path in paths]

    @property
    def curve(self) -> np.ndarray:
        """(steps, 1 + terms) of the first process."""
        return np.array(self.told[0]["curve"])

    @property
    def saved(self) -> dict[str, torch.Tensor]:
        newest = Checkpoints(self.folder / "training").newest()
        assert newest is not None
        return dict(newest.snapshot.tensors)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One process, to the end."""
    return Run(tmp_path_factory.mktemp("together") / "alone", "Contest", 1, steps=30)


def test_gradients_and_weights_equal_one_process_with_the_same_batch(tmp_path: Path, alone: Run) -> None:
    """An adversary, balancing, batch norm, weights by the batch and random numbers in the losses included."""
    one = Run(tmp_path / "one", "Contest", 1, steps=1)
    first = Run(tmp_path / "first", "Contest", 2, steps=1)
    moments = [name for name in one.saved if name.endswith("exp_avg")]
    assert len(moments) == 10
    for name in moments:  # a tenth of the gradient
        assert torch.allclose(first.saved[name], one.saved[name], rtol=1e-4, atol=1e-6), name
    both = Run(tmp_path / "both", "Contest", 2, steps=12)
    assert both.code == 0 and [told["processes"] for told in both.told] == [2, 2]
    assert both.told[0]["digest"] == both.told[1]["digest"], "weights, averages, moments: to the last bit"
    assert np.abs(both.curve - alone.curve[:12]).max() < 1e-4
    assert both.told[0]["rows"] == both.told[1]["rows"], "who does not write knows the curve too"
    assert not Path(f"{tmp_path / 'both'}-none").exists(), "the second process needs no folder"
    # ... and it goes on in one process where two have stopped.
    rest = Run(tmp_path / "both", "Contest", 1, steps=30)
    assert rest.curve[:, 0].tolist() == list(range(13, 31))
    assert np.abs(rest.curve - alone.curve[12:]).max() < 1e-3
    end, wanted = rest.saved, alone.saved
    assert max(float((end[n] - wanted[n]).abs().max()) for n in end if n.startswith("average")) < 1e-3


def test_one_process_goes_on_as_two(tmp_path: Path, alone: Run) -> None:
    Run(tmp_path / "run", "Contest", 1, steps=12)
    both = Run(tmp_path / "run", "Contest", 2, steps=30)
    assert both.told[0]["digest"] == both.told[1]["digest"]
    assert np.abs(both.curve - alone.curve[12:]).max() < 1e-3


def test_a_loss_that_is_no_number_on_one_rolls_back_both(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "NanOnOne", 2, steps=20)
    assert run.code == 0
    assert run.told[0]["digest"] == run.told[1]["digest"]
    for told in run.told:
        assert len(told["notes"]) == 1 and "step 12: loss square is nan" in told["notes"][0]
        assert told["finite"] and told["curve"][-1][0] == 20


def test_an_error_on_one_ends_both_with_its_message(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "FailsOnOne", 2, steps=400)
    assert run.code == 1 and run.seconds < 40
    assert run.told[1]["error"] == "OSError: crop 17 cannot be read"
    assert run.told[0]["error"] == "PeerError: process 1 of 2: OSError: crop 17 cannot be read"
    assert run.saved, "what was reached is kept"


def test_one_that_is_killed_ends_both(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "DiesOnOne", 2, steps=400)
    assert run.code == 9 and run.seconds < 40
    assert "want of memory" in run.told[0]["error"]


def test_stopping_one_stops_both_at_the_same_step(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "Slow", 2, steps=4000, stop_at=17)
    assert [told["error"].split(":")[0] for told in run.told] == ["Cancelled", "Cancelled"]
    assert [told["curve"][-1][0] for told in run.told] == [17, 17]
    newest = Checkpoints(run.folder / "training").newest()
    assert newest is not None and newest.snapshot.step == 17


def test_patience_ends_both(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "Patient", 2, steps=400, patience=5, evaluate_every_steps=2)
    assert [told["why"] for told in run.told] == ["no improvement"] * 2
    assert run.told[0]["steps"] == run.told[1]["steps"] < 30


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
