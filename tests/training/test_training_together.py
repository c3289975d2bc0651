"""Tests of several processes that train as one: the same batches, gradients, weights; one error ends all."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from regression_task import Regression
from together_script import run

from effigie.errors import EffigieError, UsageError
from effigie.execution.launch import launch, read_rank_info
from effigie.training import TrainingSettings, train
from effigie.training.checkpoint import CheckpointStore, read_checkpoint
from effigie.training.data.sample_key import make_sample_keys, shard_range
from effigie.training.process_group import join_process_group

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("together_script.py")
ALL = {"checkpoint_every_s": 0, "keep": 99}


class Run:
    """Results of processes that trained as one."""

    def __init__(self, folder: Path, told: list[dict[str, Any]]) -> None:
        self.folder, self.told = folder, told

    @property
    def curve(self) -> np.ndarray:
        """(steps, 1 + terms) of the first process."""
        return np.array(self.told[0]["curve"])

    def saved(self, step: int) -> dict[str, torch.Tensor]:
        path = self.folder / "training" / f"step-{step:06d}.safetensors"
        return dict(read_checkpoint(path)[0].tensors)


def by_one(folder: Path, task: str, **settings: Any) -> Run:
    """Trained by this process alone."""
    return Run(folder, [run(task, str(folder), settings)])


def by_two(*trainings: tuple[Path, str, dict[str, Any]]) -> tuple[int, list[Run]]:
    """The launcher's exit code, and what came of trainings one after the other by the same two processes."""
    listed = json.dumps([(task, str(folder), settings) for folder, task, settings in trainings])
    code = launch([sys.executable, str(SCRIPT), listed], 2)
    runs = []
    for folder, _, _ in trainings:
        paths = [Path(f"{folder}-told{rank}.json") for rank in range(2)]
        runs.append(Run(folder, [json.loads(path.read_text()) if path.exists() else {} for path in paths]))
    return code, runs


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One process, to the end."""
    return by_one(tmp_path_factory.mktemp("together") / "run", "Contest", steps=30, **ALL)


@dataclass
class Well:
    """Successful trainings of two processes, one after the other: starting the processes takes most of the time."""

    code: int
    both: Run
    went_on: Run
    nan: Run


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Well:
    """Two train less far; two go on where one has stopped; two survive a loss that is no number on one of them."""
    folder = tmp_path_factory.mktemp("together")
    by_one(folder / "went-on", "Contest", steps=12)
    code, runs = by_two(
        (folder / "both", "Contest", {"steps": 12, **ALL}),
        (folder / "went-on", "Contest", {"steps": 30, **ALL}),
        (folder / "nan", "NanOnOne", {"steps": 400, "patience": 5, "evaluate_every_steps": 4}),
    )
    return Well(code, *runs)


@pytest.fixture(scope="module")
def both(well: Well) -> Run:
    """Two, less far."""
    return well.both


@dataclass
class Badly:
    """Trainings of two processes that one of them ends for both."""

    code: int
    stopped: Run
    failed: Run
    normalized: Run


@pytest.fixture(scope="module")
def badly(tmp_path_factory: pytest.TempPathFactory) -> Badly:
    """One is told to stop; then one fails; then neither begins."""
    folder = tmp_path_factory.mktemp("together")
    code, runs = by_two(
        (folder / "stopped", "Layered", {"steps": 4000, "stop_at": 17}),
        (folder / "failed", "FailsOnOne", {"steps": 400}),
        (folder / "normalized", "Regression", {"steps": 400}),
    )
    return Badly(code, *runs)


def test_gradients_equal_those_of_one_process_with_the_same_batch(alone: Run, both: Run) -> None:
    """An adversary, balancing, weights by the batch and random numbers in the losses included."""
    one, two = alone.saved(1), both.saved(1)
    moments = [name for name in one if name.endswith("exp_avg")]
    assert len(moments) == 10
    for name in moments:  # after one step a tenth of the gradient
        assert torch.allclose(two[name], one[name], rtol=1e-4, atol=1e-6), name
    assert np.abs(both.curve - alone.curve[:12]).max() < 1e-4


def test_all_end_with_the_same_weights_and_know_the_same(well: Well, both: Run) -> None:
    first, second = both.told
    assert well.code == 0 and first["digest"] == second["digest"], "to the last bit"
    assert first["curve"] == second["curve"] and first["processes"] == second["processes"] == 2
    assert first["rows"] == second["rows"], "who does not write knows the curve too"
    assert not Path(f"{both.folder}-none").exists(), "the second process needs no folder"


def test_one_goes_on_where_two_have_stopped_and_two_where_one_has(tmp_path: Path, alone: Run, well: Well) -> None:
    shutil.copytree(well.both.folder, tmp_path / "one")
    one = by_one(tmp_path / "one", "Contest", steps=30, **ALL)
    for rest in (one, well.went_on):
        assert rest.curve[:, 0].tolist() == list(range(13, 31))
        assert np.abs(rest.curve - alone.curve[12:]).max() < 1e-3
        end, wanted = rest.saved(30), alone.saved(30)
        assert max(float((end[n] - wanted[n]).abs().max()) for n in end if n.startswith("average")) < 1e-3


def test_a_loss_that_is_no_number_on_one_rolls_back_both_and_patience_ends_both(well: Well) -> None:
    assert well.code == 0 and well.nan.told[0]["digest"] == well.nan.told[1]["digest"]
    for told in well.nan.told:
        assert len(told["notes"]) == 1 and "step 12: loss square is nan" in told["notes"][0]
        assert told["why"] == "no improvement" and told["steps"] == 24
        assert np.isfinite(told["curve"]).all()


def test_an_error_on_one_ends_both_with_its_message(badly: Badly) -> None:
    assert badly.code == 1
    first, second = badly.failed.told
    assert second["error"] == "OSError: crop 17 cannot be read"
    # It tells so itself: the launcher, which ends those that do not hear of it, did not have to.
    assert first["error"] == "DistributedError: process 1 of 2: OSError: crop 17 cannot be read"
    assert len(first["curve"]) == len(second["curve"]) == 3, "nobody went on alone"
    assert CheckpointStore(badly.failed.folder / "training").newest() is not None, "what was reached is kept"


def test_batch_norm_is_not_divided(badly: Badly) -> None:
    assert all("batch norm" in told["error"] and not told["curve"] for told in badly.normalized.told)


def test_one_that_is_killed_ends_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAST_WORDS_S", "0.5")
    code, (run,) = by_two((tmp_path / "run", "DiesOnOne", {"steps": 400}))
    assert code == 9 and run.told[1] == {}
    assert "want of memory" in run.told[0]["error"]
    assert len(run.told[0]["curve"]) <= 3, "nobody went on alone"


def test_stopping_one_stops_both_at_the_same_step(badly: Badly) -> None:
    told = badly.stopped.told
    assert [one["error"].split(":")[0] for one in told] == ["CancelledError", "CancelledError"]
    assert [one["curve"][-1][0] for one in told] == [17, 17]
    newest = CheckpointStore(badly.stopped.folder / "training").newest()
    assert newest is not None and newest.snapshot.step == 17


def test_a_batch_is_the_same_however_many_make_it() -> None:
    whole = Regression(noise=0.1).batch(make_sample_keys(1, 0, 5, range(8)))
    halves = [Regression(noise=0.1).batch(make_sample_keys(1, 0, 5, shard_range(rank, 2, 8, 32))) for rank in range(2)]
    assert (np.concatenate([half["x"] for half in halves]) == whole["x"]).all()
    assert (np.concatenate([half["y"] for half in halves]) == whole["y"]).all()
    with pytest.raises(UsageError, match=r"batch of 32 .* 3 processes: choose 24 or 36"):
        shard_range(0, 3, 8, 32)


def test_a_world_that_does_not_come_up_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_rank_info({}).size == 1
    with pytest.raises(UsageError, match="RANK, MASTER_ADDR, MASTER_PORT not set"):
        read_rank_info({"WORLD_SIZE": "2"})
    with pytest.raises(UsageError, match="process 2 of 2"):
        read_rank_info({"WORLD_SIZE": "2", "RANK": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens: nobody answers there
        for name, value in {
            "WORLD_SIZE": "2",
            "RANK": "1",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(taken.getsockname()[1]),
        }.items():
            monkeypatch.setenv(name, value)
        refused = pytest.raises(EffigieError, match=r"2 processes were announced, .* within 1 s")
        with refused, join_process_group(start_timeout_s=1):
            train(Regression(), tmp_path, TrainingSettings(steps=1))
