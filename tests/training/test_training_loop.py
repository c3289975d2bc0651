"""Tests of the training loop: it learns, stops when asked, resumes exactly, and survives faults."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import torch
from regression_task import Broken, Poisoned, Regression, Slow
from safetensors.torch import load_file

from effigie.errors import CancelledError, EffigieError, ModelError, UsageError
from effigie.progress import CancelToken, Progress
from effigie.training import StepReport, TrainingSettings, export, read_curve, train
from effigie.training.checkpoint import CheckpointStore, read_checkpoint


def settings(steps: int | None, **others: object) -> TrainingSettings:
    values: dict = {"minutes": None, "learning_rate": 1e-2, "warm_up_steps": 5, "precision": "fp32", "threads": 1}
    values |= {"device": "cpu", "tensorboard": False}
    # What is done once a minute would be done in the middle of a few steps on a machine that takes so long for them.
    values |= {"checkpoint_every_s": 1e6, "evaluate_every_s": 1e6, "preview_every_s": 1e6}
    return TrainingSettings(steps=steps, **(values | others))


def saved(folder: Path) -> list[Path]:
    return sorted((folder / "training").glob("step-*.safetensors"))


@pytest.mark.slow
def test_overfits_and_leaves_everything_behind(tmp_path: Path) -> None:
    reports: list[Progress] = []
    wanted = settings(300, evaluate_every_steps=50, tensorboard=True, ema_decay=0.98)
    result = train(Regression(), tmp_path, wanted, reports.append)

    assert result.steps == 300 and result.stopped_because == "steps" and result.notes == ()
    errors = [point.error for point in result.curve if point.error is not None]
    assert len(errors) == 7 and errors[0] > 0.5 and result.best_error == min(errors) < 0.1
    assert reports[-1].done == reports[-1].total == 300 and "steps/s" in reports[-1].note

    rows = read_curve(tmp_path / "curve.csv")
    assert [row.step for row in rows] == [point.step for point in result.curve]
    assert {"loss", "square", "small", "held_out_error", "held_out_worst"} == set(rows[-1].values)
    assert rows[-1].values["loss"] == pytest.approx(rows[-1].values["square"] + rows[-1].values["small"], rel=1e-4)
    pixels = cv2.imread(str(tmp_path / "preview.png"))
    assert pixels[0, 0].tolist() == [50, 100, 200], "RGB in, RGB in the file"
    assert cv2.imread(str(tmp_path / "curve.png")) is not None
    assert list((tmp_path / "training" / "tensorboard").glob("events*"))
    assert json.loads((tmp_path / "training" / "state.json").read_text())["step"] == 300


def test_export_is_the_average_that_was_evaluated(tmp_path: Path) -> None:
    result = train(Regression(), tmp_path, settings(60, ema_decay=0.98))
    fresh = Regression()
    for name, path in export(tmp_path).items():
        fresh.networks()[name].load_state_dict(load_file(path))
        fresh.networks()[name].eval()
    with torch.no_grad():
        assert fresh.evaluate(fresh.networks())["error"] == pytest.approx(result.curve[-1].error, rel=1e-4)

    halves = load_file(export(tmp_path, "fp16")["body"])
    assert halves["0.weight"].dtype == torch.float16
    assert halves["2.num_batches_tracked"].dtype == torch.int64
    with pytest.raises(ModelError, match="train first"):
        export(tmp_path / "nothing")


@pytest.mark.slow
def test_resumed_run_equals_uninterrupted_one(tmp_path: Path) -> None:
    """Dropout and noise included: every loss and every tensor in the end is the same to the last bit."""

    def run(folder: Path, *parts: int) -> list[StepReport]:
        reports: list[StepReport] = []
        for steps in parts:
            task = Regression(noise=0.1, dropout=0.2)
            train(task, folder, settings(steps, evaluate_every_steps=7), callback=reports.append)
        return reports

    whole, parts = run(tmp_path / "whole", 40), run(tmp_path / "parts", 13, 22, 40)
    assert [(r.step, r.terms) for r in parts] == [(r.step, r.terms) for r in whole]
    one, other = (read_checkpoint(saved(tmp_path / name)[-1])[0] for name in ("whole", "parts"))
    assert one.tensors.keys() == other.tensors.keys()
    assert all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors)
    assert any(name.startswith("optimiser/head/weight/exp_avg") for name in one.tensors)
    assert parts[-1].seconds > parts[12].seconds


def test_another_seed_gives_another_run(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    for seed in (1, 2):
        train(Regression(), tmp_path / str(seed), settings(1, seed=seed), callback=reports.append)
    assert reports[0].terms != reports[1].terms


def test_budget_by_minutes_includes_the_last_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the task's clock: a look from 0 to 1/8 s, 96 steps to 1/2, a look, 64 steps to 7/8, and the last look."""
    task = Slow()
    monkeypatch.setattr("effigie.training.timer.monotonic", task.clock)
    result = train(task, tmp_path, settings(None, minutes=1.0 / 60, evaluate_every_s=0.5))
    assert result.stopped_because == "minutes"
    assert (result.steps, result.seconds) == (160, 1.0)
    assert [point.step for point in result.curve if point.error is not None] == [0, 96, 160]


def test_minutes_that_are_over_before_they_begin_leave_a_model(tmp_path: Path) -> None:
    result = train(Regression(), tmp_path, settings(None, minutes=1e-9))
    assert (result.steps, result.stopped_because) == (1, "minutes")
    assert set(export(tmp_path)) == {"body", "head"}


def test_finished_folder_is_not_trained_further(tmp_path: Path) -> None:
    train(Regression(), tmp_path, settings(5))
    before = saved(tmp_path)[-1].read_bytes()
    again = train(Regression(), tmp_path, settings(5))
    assert again.steps == 5 and saved(tmp_path)[-1].read_bytes() == before


def test_patience_ends_a_run_that_no_longer_improves(tmp_path: Path) -> None:
    result = train(Regression(), tmp_path, settings(5000, patience=5, evaluate_every_steps=10, ema_decay=0.9))
    assert result.stopped_because == "no improvement" and result.steps < 5000
    assert not result.plateau.improving and result.plateau.since is not None
    assert result.plateau.since < result.steps


@pytest.mark.parametrize("gradients", [False, True])
def test_nan_is_rolled_back_and_training_finishes(tmp_path: Path, gradients: bool) -> None:
    notes: list[str] = []
    task = Poisoned(first=20, times=1, gradients=gradients)
    result = train(task, tmp_path, settings(60), lambda report: notes.append(report.note))
    assert result.steps == 60
    assert len(result.notes) == 1 and "step 20" in result.notes[0] and "0.5 times" in result.notes[0]
    assert any(result.notes[0] in note for note in notes), "the user is told"
    steps = [point.step for point in result.curve]
    assert steps == sorted(steps)
    record = read_checkpoint(saved(tmp_path)[-1])
    assert all(bool(tensor.isfinite().all()) for tensor in record[0].tensors.values())
    assert record[1]["guard"]["rate_scale"] == 0.5 and record[1]["guard"]["order"] == 1


def test_divergence_is_rolled_back(tmp_path: Path) -> None:
    class Explodes(Regression):
        armed = True

        def losses(self, batch, step):
            if step == 60 and self.armed:
                self.armed = False
                with torch.no_grad():
                    self.head.weight.mul_(1e4)
            return super().losses(batch, step)

    result = train(Explodes(), tmp_path, settings(150, evaluate_every_steps=150))
    assert len(result.notes) == 1 and "diverged" in result.notes[0]
    assert result.curve[-1].error is not None and result.curve[-1].error < 0.5


def test_persistent_nan_is_a_clear_error_and_keeps_what_was_good(tmp_path: Path) -> None:
    train(Regression(), tmp_path, settings(30))
    with pytest.raises(EffigieError, match=r"fails numerically at step 40.*3 roll-backs.*fp32"):
        train(Poisoned(first=40), tmp_path, settings(100, max_rollbacks=3, checkpoint_every_s=0))
    assert train(Regression(), tmp_path, settings(60)).steps == 60


def test_damaged_checkpoints_fall_back_then_refuse(tmp_path: Path) -> None:
    train(Regression(), tmp_path, settings(12, checkpoint_every_s=0, keep=2))
    older, newest = saved(tmp_path)
    data = bytearray(newest.read_bytes())
    data[-3] ^= 1  # one bit, which safetensors alone would not notice
    newest.write_bytes(data)
    result = train(Regression(), tmp_path, settings(11))
    assert result.steps == 11 and "step-000012" in result.notes[0] and "went on from step 11" in result.notes[0]

    older.write_bytes(older.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"no checkpoint in .* can be read"):
        train(Regression(), tmp_path, settings(20))


def test_a_new_checkpoint_replaces_the_damaged_future(tmp_path: Path) -> None:
    train(Regression(), tmp_path, settings(12, checkpoint_every_s=0))
    saved(tmp_path)[-1].write_bytes(b"nothing of use")
    train(Regression(), tmp_path, settings(14))
    assert [path.stem for path in saved(tmp_path)] == ["step-000011", "step-000014"]


def test_other_networks_are_refused(tmp_path: Path) -> None:
    train(Regression(width=8), tmp_path, settings(3))
    with pytest.raises(ModelError, match="another 'body' network"):
        train(Regression(width=9), tmp_path, settings(5))


def test_cancel_saves_the_step_it_stopped_at(tmp_path: Path) -> None:
    cancel = CancelToken()
    with pytest.raises(CancelledError):
        train(
            Regression(),
            tmp_path,
            settings(100),
            cancel=cancel,
            callback=lambda r: cancel.set() if r.step == 17 else None,
        )
    assert [path.stem for path in saved(tmp_path)] == ["step-000017"]
    assert train(Regression(), tmp_path, settings(20)).steps == 20


def test_interrupt_amid_a_step_saves_the_last_whole_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after the weights moved but before the average followed must not save the mixture."""
    from effigie.training.state import ModelEma

    follow = ModelEma.update

    def interrupted(self: ModelEma, step: int) -> None:
        if step == 9:
            raise KeyboardInterrupt
        follow(self, step)

    monkeypatch.setattr(ModelEma, "update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(Regression(), tmp_path, settings(100, checkpoint_every_s=0, evaluate_every_steps=100))
    assert saved(tmp_path)[-1].stem == "step-000008"


def test_a_signal_amid_a_step_waits_for_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from effigie.training.state import ModelEma

    follow = ModelEma.update

    def interrupted(self: ModelEma, step: int) -> None:
        if step == 9:
            signal.raise_signal(signal.SIGINT)
        follow(self, step)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    monkeypatch.setattr(ModelEma, "update", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(Regression(), tmp_path, settings(100, evaluate_every_steps=100))
    finally:
        signal.signal(signal.SIGINT, before)
    assert saved(tmp_path)[-1].stem == "step-000009"


def test_data_thread_error_surfaces(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="crop 17"):
        train(Broken(), tmp_path, settings(10))


def test_disk_full_is_explained_and_the_previous_checkpoint_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(Regression(), tmp_path, settings(5))
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if "step-000006" in path.name and path.suffix == ".safetensors":
            write(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(EffigieError, match=r"disk full while writing .*step-000006"):
        train(Regression(), tmp_path, settings(9, checkpoint_every_s=0))
    assert [path.name for path in (tmp_path / "training").iterdir() if "step" in path.name] == [
        "step-000005.safetensors"
    ]


def test_unknown_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cuda:99"):
        train(Regression(), tmp_path, settings(1, device="cuda:99"))
    with pytest.raises(UsageError, match="ema_decay"):
        TrainingSettings(ema_decay=1.0)


KILLED = """
import os, signal, sys
from pathlib import Path
from regression_task import Regression
from effigie.training import TrainingSettings, train

write = Path.write_bytes

def killed(path, data):
    if "step-000004" not in path.name:
        return write(path, data)
    write(path, data[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

Path.write_bytes = killed
train(Regression(), Path(sys.argv[1]), TrainingSettings(
    minutes=None, device="cpu", precision="fp32", threads=1, checkpoint_every_s=0, tensorboard=False))
"""


@pytest.mark.slow
def test_kill_in_the_middle_of_saving_leaves_a_loadable_state(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=environment, timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert list((tmp_path / "training").glob(".step-*.partial*")), "killed within a saving, not before"
    with (tmp_path / "curve.csv").open("a") as stream:
        stream.write("4,0.1")

    loaded = CheckpointStore(tmp_path / "training").newest()
    assert loaded is not None and loaded.notes == () and loaded.snapshot.step == 3
    result = train(Regression(), tmp_path, settings(6))
    assert result.steps == 6 and result.notes == ()
    assert not list((tmp_path / "training").glob(".*")), "what the kill left is swept away"
    assert [point.step for point in read_curve(tmp_path / "curve.csv")][-1] == 6
