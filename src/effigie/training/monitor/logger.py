"""What a run leaves for people to look at: curve, TensorBoard scalars, the plotted curve and previews."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from effigie.training.best_checkpoint import Best
from effigie.training.config import TrainingSettings
from effigie.training.monitor.curve import Curve, CurvePoint
from effigie.training.monitor.plot import plot_curve
from effigie.training.monitor.previews import write_preview
from effigie.training.monitor.progress_summary import Standing, standing
from effigie.training.task import Task
from effigie.training.timer import Clock


class Journal:
    """Collects the terms of each step; writes rows, evaluations and previews into ``folder``."""

    def __init__(
        self,
        task: Task,
        networks: Mapping[str, nn.Module],
        folder: Path,
        settings: TrainingSettings,
        step: int,
    ) -> None:
        self.curve = Curve(folder / "curve.csv", step)
        self.standing = self._judged(settings)
        """What the evaluations so far say."""
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

    def _judged(self, settings: TrainingSettings) -> Standing:
        return standing(self.curve.held_out, settings.patience, 0 if settings.start_counts else 1)

    def stepped(self, terms: Mapping[str, float]) -> None:
        """Take note of one step's loss terms."""
        for name, value in {"loss": sum(terms.values()), **terms}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def row(self, step: int, seconds: float, figures: Mapping[str, float] | None = None) -> None:
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
        """Evaluate the networks and write the row.

        Raises:
            ValueError: the task's figures lack ``error``.
        """
        clock = Clock()
        torch.manual_seed(self._settings.seed)
        figures = self._task.evaluate(self._networks)
        if "error" not in figures:
            raise ValueError(f"evaluate() must return 'error' among its figures, not only {list(figures)}")
        self.row(step, seconds, figures)
        self.standing = self._judged(self._settings)
        self.evaluation_s = clock.here
        return self.curve.points[-1]

    def draw(self, best: Best | None) -> None:
        """Draw the curve, with the weights that are kept marked on it."""
        where = None if best is None else (best.seconds, best.error)
        plot_curve(self.curve.path, self._folder / "curve.png", where, str(self.standing.ahead))

    @torch.no_grad()
    def preview(self, step: int) -> None:
        """Have the task draw a preview and write it."""
        clock = Clock()
        torch.manual_seed(self._settings.seed)
        write_preview(self._folder, step, self._task.preview(self._networks))
        self.preview_s = clock.here

    def rolled_back(self, step: int) -> None:
        """Forget what was noted after ``step``."""
        self._sums, self._counts = {}, {}
        self.curve.cut(step)
        self.standing = self._judged(self._settings)

    def close(self) -> None:
        if self._scalars is not None:
            self._scalars.close()
