"""Tests of when to stop: best weights are kept, errors per region, and the forecast."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from regression_task import Regression
from safetensors.torch import load_file

from effigie.errors import CancelledError
from effigie.training import TrainingSettings, export, read_curve, train
from effigie.training.checkpoint import BEST_FILE, TIE_TOLERANCE, BestCheckpointStore, CheckpointStore, read_best
from effigie.training.export import load_ema_weights
from effigie.training.monitor.curve import CurvePoint
from effigie.training.monitor.forecast import forecast, format_duration
from effigie.training.monitor.plot import ERROR_COLOR, PART_COLORS, plot_curve
from effigie.training.monitor.progress_summary import format_parts, progress_summary

MINUTE = 60.0


class Scripted(Regression):
    """A task with a given held-out error per evaluation; the errors of regions lie around it."""

    def __init__(self, script: list[float]) -> None:
        super().__init__()
        self.script = list(script)

    def evaluate(self, networks):
        error = self.script.pop(0)
        return {"error": error, "error_eyes": 2 * error, "error_mouth": 3.0}


def settings(steps: int, **others: object) -> TrainingSettings:
    values: dict = {"minutes": None, "precision": "fp32", "threads": 1, "device": "cpu", "tensorboard": False}
    values |= {"keep_best": True, "evaluate_every_steps": 1, "ema_decay": 0.0}
    return TrainingSettings(steps=steps, **(values | others))


def weights_after(steps: int, folder: Path) -> dict[str, torch.Tensor]:
    train(Scripted([1.0] * 99), folder, settings(steps, keep_best=False))
    return load_ema_weights(folder)["head"]


@pytest.mark.parametrize(
    ("script", "best"),
    [
        ([9, 5, 4, 3, 6, 7], 3),
        ([1, 5, 4, 3, 2.9, 3.1], 4),  # nobody trained what step 0 shows
        ([9, 3, 3 * (1 + TIE_TOLERANCE / 2), 3 * (1 + 3 * TIE_TOLERANCE), 4, 5], 2),  # within the margin the later one
        ([9, 3, float("nan"), float("inf"), 4, 5], 1),
    ],
)
def test_the_lowest_error_is_what_is_exported(tmp_path: Path, script: list[float], best: int) -> None:
    result = train(Scripted(script), tmp_path / "run", settings(5))
    assert result.best is not None
    assert (result.best.step, result.best.error) == (best, script[best])
    assert result.steps == 5
    wanted = weights_after(best, tmp_path / "other")
    for name, tensor in load_file(export(tmp_path / "run")["head"]).items():
        assert torch.equal(tensor, wanted[name])
    newest = CheckpointStore(tmp_path / "run" / "training").newest()
    assert newest is not None
    assert newest.snapshot.step == 5, "a run goes on from the newest"
    kept = tmp_path / "run" / "training" / BEST_FILE
    checkpoint = max(p.stat().st_size for p in (tmp_path / "run" / "training").glob("step-*"))
    assert kept.stat().st_size < checkpoint / 2


def test_without_keeping_the_newest_is_exported(tmp_path: Path) -> None:
    train(Scripted([9, 1, 5]), tmp_path, settings(2))
    assert (tmp_path / "training" / BEST_FILE).exists()
    result = train(Scripted([5]), tmp_path, settings(3, keep_best=False))
    assert result.best is None
    assert not (tmp_path / "training" / BEST_FILE).exists()


def test_what_began_trained_may_stay_as_it_was(tmp_path: Path) -> None:
    result = train(Scripted([1, 5, 4]), tmp_path, settings(2, start_counts=True))
    assert result.best is not None
    assert result.best.step == 0


def test_a_resumed_run_remembers_its_best(tmp_path: Path) -> None:
    train(Scripted([9, 2, 3]), tmp_path, settings(2))
    result = train(Scripted([4, 3]), tmp_path, settings(4))
    assert result.best is not None
    assert (result.best.step, result.steps) == (1, 4)
    better = train(Scripted([1]), tmp_path, settings(5))
    assert better.best is not None
    assert better.best.step == 5


def test_a_damaged_best_is_noticed_and_the_newest_serves(tmp_path: Path) -> None:
    train(Scripted([9, 2, 3]), tmp_path, settings(2))
    path = tmp_path / "training" / BEST_FILE
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    newest = CheckpointStore(tmp_path / "training").newest()
    assert newest is not None
    head = load_ema_weights(tmp_path)["head"]
    assert torch.equal(head["weight"], newest.snapshot.tensors["average/head/weight"])
    result = train(Scripted([4]), tmp_path, settings(3))
    assert result.best is not None
    assert result.best.step == 3
    assert any("damaged" in note for note in result.notes)


def test_a_full_disk_leaves_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = BestCheckpointStore(tmp_path)
    assert kept.save_if_best(1, 1.0, 3.0, lambda: {"average/a/b": torch.ones(3)})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(Exception, match="disk full"):
            kept.save_if_best(2, 2.0, 2.0, lambda: {"average/a/b": torch.zeros(3)})
    best, tensors = read_best(tmp_path)
    assert (best.step, tensors["average/a/b"].tolist()) == (1, [1, 1, 1])
    assert [p.name for p in tmp_path.iterdir()] == [BEST_FILE]


def test_stopped_in_between_the_best_stays(tmp_path: Path) -> None:
    def stop(report) -> None:
        if report.step == 3:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        train(Scripted([9, 4, 5, 6]), tmp_path, settings(9), callback=stop)
    assert read_best(tmp_path / "training")[0].step == 1


def test_parts_reach_the_curve_the_picture_and_the_words(tmp_path: Path) -> None:
    script = [5.0] + [4 * 0.9**i for i in range(12)]
    result = train(Scripted(script), tmp_path, settings(12))
    rows = read_curve(tmp_path / "curve.csv")
    assert rows[-1].values["held_out_error_eyes"] == pytest.approx(2 * script[-1], rel=1e-4)
    parts = result.progress_summary.parts
    assert (parts["eyes"].improving, parts["mouth"].improving) == (True, False)
    assert format_parts(parts) == " (eyes 2.5, mouth 3; the eyes still improve)"
    assert "the eyes still improve" in str(result.progress_summary)
    picture = cv2.imread(str(tmp_path / "curve.png"))[..., ::-1]

    def count_pixels(color: tuple[int, int, int]) -> int:
        return int((np.abs(picture[50:470, 100:860].astype(int) - color).sum(-1) < 60).sum())

    assert count_pixels(ERROR_COLOR) > 2 * count_pixels(PART_COLORS[0]) > 40
    assert count_pixels(PART_COLORS[1]) > 100
    assert count_pixels(PART_COLORS[2]) == 0


def test_a_curve_without_parts_or_points_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text("step,seconds,held_out_error,loss\n")
    plot_curve(tmp_path / "curve.csv", tmp_path / "curve.png")
    assert cv2.imread(str(tmp_path / "curve.png")) is not None


def test_before_the_first_step_nothing_counts() -> None:
    """A prior alone may be better for a while than what is learning: that is no plateau."""
    errors = [1.0, 1.3, 1.25, 1.2, 1.15, 1.1, 1.05, 1.01]
    points = [CurvePoint(i, MINUTE * i, {"held_out_error": error}) for i, error in enumerate(errors)]
    assert progress_summary(points, 6).plateau.improving
    assert not progress_summary(points, 6, first=0).plateau.improving


def power_law(level: float, height: float, exponent: float, count: int, noise: float, seed: int):
    """Evaluations a minute apart, and how long after the last the error truly is lower by 1 %."""
    times = MINUTE * np.arange(1, count + 1)
    clean = level + height * (times / times[-1]) ** -exponent
    wanted = (0.99 * clean[-1] - level) / height
    wait = times[-1] * (wanted ** (-1 / exponent) - 1) if wanted > 0 else np.inf
    random = np.random.default_rng(seed).standard_normal(count)
    return times, clean * (1 + noise * random), wait


laws = st.tuples(st.floats(0, 1), st.floats(0.2, 1.5), st.integers(12, 90), st.floats(0, 0.005), st.integers(0, 9999))


@pytest.mark.slow
@given(laws)
def test_the_wait_is_right_within_a_factor_of_two_or_not_told(law) -> None:
    level, exponent, count, noise, seed = law
    times, errors, wait = power_law(level, 1.0, exponent, count, noise, seed)
    ahead = forecast(times, 0.05 * errors)
    if ahead.seconds is not None:
        assert wait / 2 < ahead.seconds < 2 * wait
    if not ahead.is_expected:
        assert wait > times[-1] / 2


def test_it_is_told_where_it_can_be_known() -> None:
    random = np.random.default_rng(0)
    told = 0
    for seed in range(100):
        law = random.uniform(0, 1), 1.0, random.uniform(0.2, 1.5), int(random.integers(12, 90)), 0.003, seed
        times, errors, wait = power_law(*law)
        told += wait < times[-1] / 4 and forecast(times, errors).seconds is not None
    assert told > 80


@given(st.integers(12, 200), st.floats(0, 0.003), st.floats(1e-4, 10), st.integers(0, 9999))
def test_no_more_gain_is_in_sight_of_a_flat_curve(count: int, noise: float, level: float, seed: int) -> None:
    errors = level * (1 + noise * np.random.default_rng(seed).standard_normal(count))
    ahead = forecast(MINUTE * np.arange(1, count + 1), errors)
    assert ahead.seconds is None
    assert not ahead.is_expected
    assert str(ahead) == "no more gain in sight"


def test_what_cannot_be_known_is_not_told() -> None:
    random = np.random.default_rng(0)
    assert forecast([], []).seconds is None
    assert forecast([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]).seconds is None, "too few"
    wild = forecast(MINUTE * np.arange(1, 13), np.exp(random.standard_normal(12)))
    assert str(wild) in ("", "no more gain in sight")
    times = MINUTE * np.arange(1, 41)
    errors = (times / MINUTE) ** -0.5
    spoilt = errors.copy()
    spoilt[[11, 25, 33]] = [5, float("nan"), 0.01]
    clean, robust = forecast(times, errors), forecast(times, spoilt)
    assert clean.seconds is not None
    assert robust.seconds == pytest.approx(clean.seconds, rel=0.5)


def test_scale_and_unit_do_not_matter() -> None:
    times, errors, _ = power_law(0.3, 1.0, 0.7, 30, 0.002, 1)
    one, other = forecast(times, errors), forecast(times / 60, 7 * errors)
    assert one.seconds is not None and other.seconds is not None
    assert other.seconds * 60 == pytest.approx(one.seconds, rel=1e-6)


@pytest.mark.parametrize(
    ("seconds", "words"), [(7, "7 s"), (42, "40 s"), (250, "4 min"), (1500, "25 min"), (7000, "2 h")]
)
def test_durations_are_said_as_roughly_as_they_are_known(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_state_tells_the_plateau(tmp_path: Path) -> None:
    train(Scripted([9] + [1.0] * 8), tmp_path, settings(8, patience=3))
    state = json.loads((tmp_path / "training" / "state.json").read_text())
    assert state["plateau"]["improving"] is False
