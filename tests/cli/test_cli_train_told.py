"""Tests of the summary that `effigie train` prints: progress, advice, and which weights the model has."""

from __future__ import annotations

from pathlib import Path

from effigie.cli.train import format_report
from effigie.swap import TrainReport
from effigie.training.checkpoint import BestCheckpoint
from effigie.training.monitor.curve import CurvePoint
from effigie.training.monitor.progress_summary import progress_summary


def report(errors: list[float], because: str = "minutes", best: int | None = None) -> TrainReport:
    """A run with an evaluation a minute, ten steps each; the mouth has three times the error, the eyes a constant."""
    curve = [
        CurvePoint(
            10 * number,
            60.0 * number,
            {"held_out_error": error, "held_out_error_eyes": 0.12, "held_out_error_mouth": 3 * error},
        )
        for number, error in enumerate(errors)
    ]
    last = curve[-1]
    kept = None
    if best is not None:
        kept = BestCheckpoint(10 * best, 60.0 * best, errors[best], min(errors))
    stands = progress_summary(curve)
    return TrainReport(
        output=Path("model"),
        steps=last.step,
        seconds=last.seconds,
        images_per_second=90.0,
        held_out_error=last.error,
        improving=stands.plateau.improving,
        best=kept,
        progress_summary=stands,
        stopped_because=because,
        curve=curve,
        notes=(),
    )


def test_a_run_that_still_improves() -> None:
    errors = [0.2] + [0.05 + 0.1 * minute**-0.5 for minute in range(1, 31)]
    lines = " ".join(format_report(report(errors, best=30)))
    assert "eyes 0.12, mouth 0.2; the mouth still improves" in lines
    assert "next 1 % in about" in lines
    assert "run it again" in lines
    assert "the model is as it was" not in lines, "the newest weights are the best"


def test_a_run_that_ended_by_itself_says_why_and_what_helps() -> None:
    errors = [0.2] + [0.1 + 0.05 * 0.3**minute for minute in range(1, 21)]
    lines = " ".join(format_report(report(errors, "no improvement", best=20)))
    assert "ended by itself" in lines
    assert "since minute 4 of 20 it has fallen by less than 1 %" in lines
    assert "faces review" in lines


def test_whose_weights_the_model_has_is_said_where_they_are_not_the_newest() -> None:
    errors = [0.2, 0.15, 0.1, 0.11, 0.12, 0.13, 0.14, 0.15]
    lines = format_report(report(errors, best=2))
    assert lines[-1].startswith("the model is as it was after 2 min, step 20, when the error was 0.1000")
    assert "more minutes will hardly help" in " ".join(lines)
