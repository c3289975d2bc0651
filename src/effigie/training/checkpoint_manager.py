"""What rank 0 does beside the steps: evaluations, curve, previews, checkpoints, and the decision to stop."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import torch

from effigie.training.checkpoint import BestCheckpoint, BestCheckpointStore, CheckpointStore, remove_best
from effigie.training.config import TrainingSettings
from effigie.training.device import choose_precision
from effigie.training.monitor.curve import CurvePoint
from effigie.training.monitor.logger import TrainingLogger
from effigie.training.monitor.progress_summary import ProgressSummary, progress_summary
from effigie.training.nan_guard import NanGuard
from effigie.training.state import Snapshot, TrainingState
from effigie.training.task import Task
from effigie.training.timer import IntervalTrigger, Stopwatch

SNAPSHOT_INTERVAL_S = 10.0
"""Seconds between copies in memory to roll back to; going back to a checkpoint could lose a minute."""
ROW_INTERVAL_S = 5.0

StopReason = Literal["steps", "minutes", "no improvement"]
STOP_REASONS: tuple[StopReason, ...] = ("steps", "minutes", "no improvement")


class CheckpointManager:
    """Resumes a run from its folder, and writes checkpoints, evaluations and previews into it.

    Attributes:
        precision: of the run.
        last_good: the last state without numeric trouble, to roll back to.
        logger: of curve and previews.
    """

    def __init__(
        self,
        task: Task,
        state: TrainingState,
        guard: NanGuard,
        folder: Path,
        settings: TrainingSettings,
        device: torch.device,
        clock: Stopwatch,
        processes: int,
    ) -> None:
        self._state, self._guard, self._settings, self._clock = state, guard, settings, clock
        self._device, self._processes = device, processes
        self._checkpoints = CheckpointStore(folder / "training", settings.keep)
        self._checkpoints.remove_partial_files()
        self.notes: list[str] = []
        loaded = self._checkpoints.newest()
        self.precision = choose_precision(settings.precision, device)
        if loaded is not None:
            state.restore(loaded.snapshot)
            guard.load_state(loaded.record["guard"])
            clock.earlier_s = loaded.record["seconds"]
            self.notes += [f"{note}; went on from step {state.step}" for note in loaded.notes]
            # The probe behind auto is a measurement: another outcome would change the run in its middle.
            if settings.precision == "auto" and loaded.record["device"] == device.type:
                self.precision = loaded.record["precision"]
        self.logger = TrainingLogger(task, state.ema.networks, folder, settings, state.step)
        self._best: BestCheckpointStore | None = None
        if settings.keep_best:
            self._best = BestCheckpointStore(folder / "training", 0 if settings.start_counts else 1)
            self.notes += self._best.notes
        else:
            remove_best(folder / "training")
        self.last_good = state.capture()
        self._saved_step = state.step
        self._row_due, self._snapshot_due, self._checkpoint_due = (
            IntervalTrigger(seconds) for seconds in (ROW_INTERVAL_S, SNAPSHOT_INTERVAL_S, settings.checkpoint_every_s)
        )
        self._evaluation_due = IntervalTrigger(settings.evaluate_every_s, settings.evaluate_every_steps)
        self._preview_due = IntervalTrigger(settings.preview_every_s)

    def shared_state(self) -> dict[str, Any]:
        """Precision, guard state and notes of the resumed run, for all processes; JSON values."""
        return {"precision": self.precision, "guard": self._guard.state(), "notes": self.notes}

    def evaluate_start(self, autocast: AbstractContextManager[Any]) -> None:
        """Evaluate and preview before the first step: shows errors at once, and how long it takes."""
        self._evaluate_and_preview(autocast, evaluate=not self._is_evaluated(), preview=True)

    def stop_reason(self) -> StopReason | None:
        """The budget that is used up, or None."""
        settings, step = self._settings, self._state.step
        if settings.steps is not None and step >= settings.steps:
            return "steps"
        evaluation_s = self.logger.evaluation_s + self.logger.preview_s
        # A step at least, however short the time: a run of none would leave nothing that can be exported.
        if settings.minutes is not None and step > 0 and self._clock.call_s + evaluation_s >= 60 * settings.minutes:
            return "minutes"
        if (
            settings.patience is not None
            and self._is_evaluated()
            and not self.logger.progress_summary.plateau.improving
        ):
            return "no improvement"
        return None

    def on_step_end(self, terms: Mapping[str, float], autocast: AbstractContextManager[Any]) -> None:
        """Log a step's terms, and evaluate, preview and save where due."""
        state = self._state
        self.logger.log_terms(terms)
        if self._row_due(state.step):
            self.logger.write_row(state.step, self._clock.total_s)
        self._evaluate_and_preview(autocast, self._evaluation_due(state.step), self._preview_due(state.step))
        if self._guard.is_stable and self._checkpoint_due(state.step):
            self.last_good = state.capture()
            self._save(self.last_good)
        elif self._guard.is_stable and self._snapshot_due(state.step):
            self.last_good = state.capture()

    def on_rollback(self) -> None:
        """Drop what was logged after ``last_good``, to which the state was put back."""
        self.logger.truncate(self.last_good.step)

    def save_final(self, autocast: AbstractContextManager[Any]) -> None:
        """Evaluate, preview and save after the last step."""
        if not self._is_evaluated():
            self._evaluate_and_preview(autocast, evaluate=True, preview=True)
        self._save(self._state.capture())

    def save_interrupted(self) -> None:
        """Save the current state when training is interrupted, or ``last_good`` where the current one is not usable."""
        self._save(self._state.capture() if self._state.is_consistent and self._guard.is_stable else self.last_good)

    def curve_record(self) -> dict[str, Any]:
        """Curve and best evaluation as JSON values; :func:`parse_curve_record` reads them."""
        best = None if self._best is None else self._best.best
        return {
            "curve": [[point.step, point.seconds, point.values] for point in self.logger.curve.points],
            "best": None if best is None else dataclasses.asdict(best),
            "best_error": self.logger.best_error,
        }

    def close(self) -> None:
        self.logger.close()

    def _evaluate_and_preview(self, autocast: AbstractContextManager[Any], evaluate: bool, preview: bool) -> None:
        with autocast:
            if evaluate:
                point = self.logger.evaluate(self._state.step, self._clock.total_s)
                if self._best is not None:
                    error = point.values["held_out_error"]
                    self._best.save_if_best(point.step, point.seconds, error, self._state.capture_ema)
                self.logger.draw_curve(None if self._best is None else self._best.best)
            if preview:
                self.logger.write_preview(self._state.step)

    def _is_evaluated(self) -> bool:
        held_out = self.logger.curve.held_out
        return bool(held_out) and held_out[-1].step == self._state.step

    def _save(self, snapshot: Snapshot) -> None:
        if snapshot.step == self._saved_step:
            return
        self._checkpoints.save(
            snapshot,
            {
                "seconds": self._clock.total_s,
                "seed": self._settings.seed,
                "device": self._device.type,
                "processes": self._processes,
                "precision": self.precision,
                "guard": self._guard.state(),
                "best_error": self.logger.best_error,
                "plateau": dataclasses.asdict(self.logger.progress_summary.plateau),
                "settings": dataclasses.asdict(self._settings),
                "notes": self.notes,
            },
        )
        self._saved_step = snapshot.step


def parse_curve_record(
    curve_record: Mapping[str, Any], settings: TrainingSettings
) -> tuple[list[CurvePoint], BestCheckpoint | None, ProgressSummary]:
    """Curve, best evaluation and progress summary from a :meth:`CheckpointManager.curve_record`."""
    curve = [CurvePoint(step, seconds, values) for step, seconds, values in curve_record["curve"]]
    best = None if curve_record["best"] is None else BestCheckpoint(**curve_record["best"])
    held_out = [point for point in curve if point.error is not None]
    return curve, best, progress_summary(held_out, settings.patience, 0 if settings.start_counts else 1)
