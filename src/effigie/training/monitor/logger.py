"""Logger of a training run: curve file, TensorBoard scalars, plotted curve and previews."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from effigie.training.checkpoint import BestCheckpoint
from effigie.training.config import TrainingSettings
from effigie.training.monitor.curve import Curve, CurvePoint
from effigie.training.monitor.plot import plot_curve
from effigie.training.monitor.previews import write_preview
from effigie.training.monitor.progress_summary import ProgressSummary, progress_summary
from effigie.training.task import Task
from effigie.training.timer import Stopwatch


class TrainingLogger:
    """Collects the loss terms of each step; writes curve rows, evaluations and previews into ``folder``."""

    def __init__(
        self, task: Task, networks: Mapping[str, nn.Module], folder: Path, settings: TrainingSettings, step: int
    ) -> None:
        self.curve = Curve(folder / "curve.csv", step)
        self.progress_summary = self._summarize(settings)
        """Of the evaluations so far."""
        self.evaluation_s = self.preview_s = 0.0
        """Seconds that the last evaluation and preview took: a budget must leave room for another."""
        self._task = task
        self._networks = networks
        self._folder = folder
        self._settings = settings
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._scalars: Any = None
        if settings.tensorboard:
            # Here and not above: TensorBoard takes longer to import than the rest of effigie together.
            from torch.utils.tensorboard import SummaryWriter

            self._scalars = SummaryWriter(str(folder / "training" / "tensorboard"), purge_step=step + 1)

    @property
    def loss(self) -> float | None:
        """Mean loss since the last row; None before the first step."""
        if "loss" in self._sums:
            return self._sums["loss"] / self._counts["loss"]
        return next((p.values["loss"] for p in reversed(self.curve.points) if "loss" in p.values), None)

    @property
    def best_error(self) -> float | None:
        """The lowest held-out error so far."""
        return min((point.error for point in self.curve.held_out if point.error is not None), default=None)

    def _summarize(self, settings: TrainingSettings) -> ProgressSummary:
        return progress_summary(self.curve.held_out, settings.patience, 0 if settings.start_counts else 1)

    def log_terms(self, terms: Mapping[str, float]) -> None:
        """Add one step's loss terms to the means of the next row."""
        for name, value in {"loss": sum(terms.values()), **terms}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def write_row(self, step: int, seconds: float, figures: Mapping[str, float] | None = None) -> None:
        """Write the means since the last row, and held-out ``figures`` if there are any."""
        values = {name: total / self._counts[name] for name, total in self._sums.items()}
        values |= {f"held_out_{name}": value for name, value in (figures or {}).items()}
        self._sums, self._counts = {}, {}
        self.curve.add(step, seconds, values)
        if self._scalars is not None:
            for name, value in values.items():
                self._scalars.add_scalar(name.replace("held_out_", "held_out/"), value, step)

    @torch.no_grad()
    def evaluate(self, step: int, seconds: float) -> CurvePoint:
        """Evaluate the networks and write the row."""
        stopwatch = Stopwatch()
        torch.manual_seed(self._settings.seed)
        figures = self._task.evaluate(self._networks)
        if "error" not in figures:
            raise ValueError(f"evaluate() must return 'error' among its figures, not only {list(figures)}")
        self.write_row(step, seconds, figures)
        self.progress_summary = self._summarize(self._settings)
        self.evaluation_s = stopwatch.call_s
        return self.curve.points[-1]

    def draw_curve(self, best: BestCheckpoint | None) -> None:
        """Draw the curve, with the evaluation of the kept weights marked on it."""
        marker = None if best is None else (best.seconds, best.error)
        plot_curve(self.curve.path, self._folder / "curve.png", marker, str(self.progress_summary.forecast))

    @torch.no_grad()
    def write_preview(self, step: int) -> None:
        """Write the task's preview picture."""
        stopwatch = Stopwatch()
        torch.manual_seed(self._settings.seed)
        write_preview(self._folder, step, self._task.preview(self._networks))
        self.preview_s = stopwatch.call_s

    def truncate(self, step: int) -> None:
        """Drop what was logged after ``step``."""
        self._sums, self._counts = {}, {}
        self.curve.truncate(step)
        self.progress_summary = self._summarize(self._settings)

    def close(self) -> None:
        if self._scalars is not None:
            self._scalars.close()
