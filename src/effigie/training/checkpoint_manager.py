"""What the leading process does beside the steps: looks, curve, previews, checkpoints, and when to stop."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import torch

from effigie.training.best_checkpoint import Best, BestWeights, forget
from effigie.training.checkpoint import Checkpoints
from effigie.training.config import TrainingSettings
from effigie.training.device import choose_precision
from effigie.training.monitor.curve import CurvePoint
from effigie.training.monitor.logger import Journal
from effigie.training.monitor.progress_summary import Standing, standing
from effigie.training.nan_guard import Guard
from effigie.training.state import Snapshot, TrainingState
from effigie.training.task import Task
from effigie.training.timer import Clock, Due

GOOD_EVERY_S = 10.0
"""Seconds between copies in memory to roll back to; going back to a checkpoint could lose a minute."""
ROW_EVERY_S = 5.0

StoppedBecause = Literal["steps", "minutes", "no improvement"]
REASONS: tuple[StoppedBecause, ...] = ("steps", "minutes", "no improvement")


class Keeper:
    """Reads what a folder holds of a run, and writes what becomes of it.

    Attributes:
        precision: of the run.
        good: the last state worth keeping, to roll back to.
        journal: curve and previews.
    """

    def __init__(
        self,
        task: Task,
        state: TrainingState,
        guard: Guard,
        folder: Path,
        settings: TrainingSettings,
        device: torch.device,
        clock: Clock,
        processes: int,
    ) -> None:
        self._state, self._guard, self._settings, self._clock = state, guard, settings, clock
        self._device, self._processes = device, processes
        self._checkpoints = Checkpoints(folder / "training", settings.keep)
        self._checkpoints.sweep()
        self.notes: list[str] = []
        recovered = self._checkpoints.newest()
        self.precision = choose_precision(settings.precision, device)
        if recovered is not None:
            state.restore(recovered.snapshot)
            guard.resume(recovered.record["guard"])
            clock.earlier = recovered.record["seconds"]
            self.notes += [f"{note}; went on from step {state.step}" for note in recovered.notes]
            # The probe behind auto is a measurement: another outcome would change the run in its middle.
            if settings.precision == "auto" and recovered.record["device"] == device.type:
                self.precision = recovered.record["precision"]
        self.journal = Journal(task, state.average.networks, folder, settings, state.step)
        self._kept: BestWeights | None = None
        if settings.keep_best:
            self._kept = BestWeights(folder / "training", 0 if settings.start_counts else 1)
            self.notes += self._kept.notes
        else:
            forget(folder / "training")
        self.good = state.capture()
        self._saved_step = state.step
        self._row_due, self._good_due, self._checkpoint_due = (
            Due(seconds) for seconds in (ROW_EVERY_S, GOOD_EVERY_S, settings.checkpoint_every_s)
        )
        self._evaluation_due = Due(settings.evaluate_every_s, settings.evaluate_every_steps)
        self._preview_due = Due(settings.preview_every_s)

    def begun(self) -> dict[str, Any]:
        """What every process has to know of it, as JSON values."""
        return {"precision": self.precision, "guard": self._guard.state(), "notes": self.notes}

    def first_look(self, autocast: AbstractContextManager[Any]) -> None:
        """It shows at once that all is well, and what a look costs."""
        self._look(autocast, evaluate=not self._looked(), preview=True)

    def stopped(self) -> StoppedBecause | None:
        """Whether a budget is used up."""
        settings, step = self._settings, self._state.step
        if settings.steps is not None and step >= settings.steps:
            return "steps"
        last_look = self.journal.evaluation_s + self.journal.preview_s
        if settings.minutes is not None and self._clock.here + last_look >= 60 * settings.minutes:
            return "minutes"
        if settings.patience is not None and self._looked() and not self.journal.standing.plateau.improving:
            return "no improvement"
        return None

    def stepped(self, terms: Mapping[str, float], autocast: AbstractContextManager[Any]) -> None:
        """Note a step's terms, and do what is due after it."""
        state = self._state
        self.journal.stepped(terms)
        if self._row_due(state.step):
            self.journal.row(state.step, self._clock.total)
        self._look(autocast, self._evaluation_due(state.step), self._preview_due(state.step))
        if self._guard.calm and self._checkpoint_due(state.step):
            self.good = state.capture()
            self._save(self.good)
        elif self._guard.calm and self._good_due(state.step):
            self.good = state.capture()

    def rolled_back(self) -> None:
        """The state was put back to ``good``."""
        self.journal.rolled_back(self.good.step)

    def finish(self, autocast: AbstractContextManager[Any]) -> None:
        """The last look and the last checkpoint."""
        if not self._looked():
            self._look(autocast, evaluate=True, preview=True)
        self._save(self._state.capture())

    def rescue(self) -> None:
        """Save what can be saved when training is broken off."""
        self._save(self._state.capture() if self._state.whole and self._guard.calm else self.good)

    def outcome(self) -> dict[str, Any]:
        """What the result says of the curve, as JSON values; :func:`read_outcome` reads them."""
        best = None if self._kept is None else self._kept.best
        return {
            "curve": [[point.step, point.seconds, point.values] for point in self.journal.curve.points],
            "best": None if best is None else dataclasses.asdict(best),
            "best_error": self.journal.best_error,
        }

    def close(self) -> None:
        self.journal.close()

    def _look(self, autocast: AbstractContextManager[Any], evaluate: bool, preview: bool) -> None:
        with autocast:
            if evaluate:
                point = self.journal.evaluate(self._state.step, self._clock.total)
                if self._kept is not None:
                    error = point.values["held_out_error"]
                    self._kept.offer(point.step, point.seconds, error, self._state.averaged)
                self.journal.draw(None if self._kept is None else self._kept.best)
            if preview:
                self.journal.preview(self._state.step)

    def _looked(self) -> bool:
        held_out = self.journal.curve.held_out
        return bool(held_out) and held_out[-1].step == self._state.step

    def _save(self, snapshot: Snapshot) -> None:
        if snapshot.step == self._saved_step:
            return
        self._checkpoints.save(
            snapshot,
            {
                "seconds": self._clock.total,
                "seed": self._settings.seed,
                "device": self._device.type,
                "processes": self._processes,
                "precision": self.precision,
                "guard": self._guard.state(),
                "best_error": self.journal.best_error,
                "plateau": dataclasses.asdict(self.journal.standing.plateau),
                "settings": dataclasses.asdict(self._settings),
                "notes": self.notes,
            },
        )
        self._saved_step = snapshot.step


def read_outcome(
    outcome: Mapping[str, Any], settings: TrainingSettings
) -> tuple[list[CurvePoint], Best | None, Standing]:
    """Curve, best weights and standing of :meth:`Keeper.outcome`."""
    curve = [CurvePoint(step, seconds, values) for step, seconds, values in outcome["curve"]]
    best = None if outcome["best"] is None else Best(**outcome["best"])
    held_out = [point for point in curve if point.error is not None]
    return curve, best, standing(held_out, settings.patience, 0 if settings.start_counts else 1)
