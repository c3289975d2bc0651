"""The training loop: resume, then step, check, log, evaluate and save until the budget is spent."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from effigie.errors import Cancelled
from effigie.progress import Cancel, Progress, ProgressCallback, silent
from effigie.training.best import Best, BestWeights, forget
from effigie.training.checkpoints import Checkpoints
from effigie.training.curve import CurvePoint
from effigie.training.device import choose_device, choose_precision, to_device, tuned
from effigie.training.guard import Guard, NumericError
from effigie.training.journal import Journal
from effigie.training.pace import Clock, Due
from effigie.training.plateau import Plateau
from effigie.training.prefetch import Prefetch
from effigie.training.settings import TrainingSettings
from effigie.training.standing import Standing
from effigie.training.state import Snapshot, TrainingState
from effigie.training.task import Task

GOOD_EVERY_S = 10.0
"""Seconds between copies in memory to roll back to; going back to a checkpoint could lose a minute."""
ROW_EVERY_S = 5.0
PROGRESS_EVERY_S = 0.2

StoppedBecause = Literal["steps", "minutes", "no improvement"]


@dataclass(frozen=True)
class StepReport:
    """What ``callback`` gets after every step."""

    step: int
    """Steps done in all."""
    seconds: float
    """Seconds of training in all, earlier calls included."""
    terms: dict[str, float]
    """Each loss term of this step, weighted; their sum is the loss."""


@dataclass(frozen=True)
class TrainingResult:
    """How a call of :func:`train` ended."""

    steps: int
    """Steps done in all."""
    seconds: float
    """Seconds this call took."""
    steps_per_second: float
    """Of this call, evaluations and previews included."""
    best_error: float | None
    """Lowest held-out error of the whole curve."""
    best: Best | None
    """Whose weights are exported; None if that is the newest's."""
    curve: list[CurvePoint]
    standing: Standing
    stopped_because: StoppedBecause
    notes: tuple[str, ...]
    """What went wrong and was put right: damaged checkpoints, roll-backs."""

    @property
    def plateau(self) -> Plateau:
        """Whether the held-out error still improved at the end."""
        return self.standing.plateau


def train(
    task: Task,
    folder: Path,
    settings: TrainingSettings,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
    callback: Callable[[StepReport], None] | None = None,
) -> TrainingResult:
    """Train ``task``, or go on training it, until a budget of ``settings`` is used up.

    Into ``folder`` go ``training/`` (checkpoints, ``best.safetensors``, ``state.json``, TensorBoard), ``curve.csv``,
    ``curve.png``, ``preview.png`` and ``previews/``. A folder that holds a checkpoint is resumed from the newest
    undamaged one. However the call ends, the last checkpoint on disk is whole; when it is stopped by ``cancel``,
    Ctrl-C or any :class:`Cancelled`, the current state is saved before leaving.

    Args:
        callback: called with a :class:`StepReport` after every step, from the calling thread.

    Raises:
        UsageError: the device does not exist.
        ModelError: the folder's checkpoints are damaged, or of other networks than the task's.
        EffigieError: training fails numerically again and again (NumericError), or the disk is full.
        Cancelled: it was stopped.
    """
    cancel = cancel or Cancel()
    device = choose_device(settings.device)
    with contextlib.ExitStack() as closing:
        closing.enter_context(torch.random.fork_rng([device] if device.type == "cuda" else []))
        closing.enter_context(tuned(device, settings.threads))

        state = TrainingState(task.networks(), task.parameter_groups, settings, device)
        guard = Guard(settings.max_rollbacks)
        checkpoints = Checkpoints(folder / "training", settings.keep)
        checkpoints.sweep()
        recovered = checkpoints.newest()
        precision = choose_precision(settings.precision, device)
        clock = Clock()
        notes: list[str] = []
        if recovered is not None:
            state.restore(recovered.snapshot)
            guard.resume(recovered.record["guard"])
            clock.earlier = recovered.record["seconds"]
            notes += [f"{note}; went on from step {state.step}" for note in recovered.notes]
            # The probe behind auto is a measurement: another outcome would change the run in its middle.
            if settings.precision == "auto" and recovered.record["device"] == device.type:
                precision = recovered.record["precision"]
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")

        journal = Journal(task, state.average.networks, folder, settings, state.step)
        closing.callback(journal.close)
        kept = _kept(folder / "training", settings)
        notes += [] if kept is None else kept.notes
        batches = Prefetch(task.batch, settings.seed, guard.order, state.step)
        closing.callback(lambda: batches.close())

        good = state.capture()
        saved_step = first_step = state.step
        stopped: StoppedBecause | None = None
        row_due, good_due, checkpoint_due, progress_due = (
            Due(seconds)
            for seconds in (ROW_EVERY_S, GOOD_EVERY_S, settings.checkpoint_every_s, PROGRESS_EVERY_S)
        )
        evaluation_due = Due(settings.evaluate_every_s, settings.evaluate_every_steps)
        preview_due = Due(settings.preview_every_s)

        def save(snapshot: Snapshot) -> None:
            nonlocal saved_step
            if snapshot.step != saved_step:
                checkpoints.save(
                    snapshot,
                    {
                        "seconds": clock.total,
                        "seed": settings.seed,
                        "device": device.type,
                        "precision": precision,
                        "guard": guard.state(),
                        "best_error": journal.best_error,
                        "plateau": dataclasses.asdict(journal.standing.plateau),
                        "settings": dataclasses.asdict(settings),
                        "notes": notes,
                    },
                )
                saved_step = snapshot.step

        def look(evaluate: bool, preview: bool) -> None:
            with autocast:
                if evaluate:
                    point = journal.evaluate(state.step, clock.total)
                    if kept is not None:
                        kept.offer(point.step, point.seconds, point.values["held_out_error"], state.averaged)
                    journal.draw(None if kept is None else kept.best)
                if preview:
                    journal.preview(state.step)

        try:
            # At the start too: it shows at once that all is well, and what a look costs.
            look(evaluate=not _looked(journal, state.step), preview=True)
            while True:
                cancel.check()
                stopped = _stopped(settings, state.step, clock.here, journal)
                if stopped is not None:
                    break

                batch = to_device(batches.next(), device)
                torch.manual_seed(_seed(settings.seed, guard.order, state.step))
                with autocast:
                    losses = task.losses(batch, state.step)
                state.optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(torch.stack([term.float() for term in losses.values()]).sum())
                norm = torch.nn.utils.clip_grad_norm_(
                    state.parameters, settings.clip_gradient or float("inf")
                )
                # One transfer for all the numbers: each would wait for the device on its own.
                *values, gradient_norm = torch.stack(
                    [*(t.detach().float() for t in losses.values()), norm]
                ).tolist()
                terms = dict(zip(losses, values, strict=True))

                if fault := guard.fault(terms, gradient_norm):
                    failed_step = state.step
                    state.restore(good)
                    notes.append(guard.roll_back(fault, failed_step, good.step, folder))
                    journal.rolled_back(good.step)
                    batches.close()
                    batches = Prefetch(task.batch, settings.seed, guard.order, state.step)
                    progress(_progress(settings, state.step, first_step, clock, notes[-1]))
                    continue

                state.advance(guard.rate_scale)
                guard.passed(state.step)
                journal.stepped(terms)
                if callback is not None:
                    callback(StepReport(state.step, clock.total, terms))
                if row_due(state.step):
                    journal.row(state.step, clock.total)
                look(evaluation_due(state.step), preview_due(state.step))
                if guard.calm and checkpoint_due(state.step):
                    good = state.capture()
                    save(good)
                elif guard.calm and good_due(state.step):
                    good = state.capture()
                if progress_due(state.step):
                    progress(_progress(settings, state.step, first_step, clock, _note(journal, notes)))

            if not _looked(journal, state.step):
                look(evaluate=True, preview=True)
            save(state.capture())
        except (Cancelled, KeyboardInterrupt, SystemExit, NumericError):
            save(state.capture() if state.whole and guard.calm else good)
            raise

        progress(_progress(settings, state.step, first_step, clock, _note(journal, notes)))
        return TrainingResult(
            steps=state.step,
            seconds=clock.here,
            steps_per_second=(state.step - first_step) / clock.here,
            best_error=journal.best_error,
            best=None if kept is None else kept.best,
            curve=journal.curve.points,
            standing=journal.standing,
            stopped_because=stopped,
            notes=tuple(notes),
        )


def _kept(folder: Path, settings: TrainingSettings) -> BestWeights | None:
    """Where the best weights go; None, and none left of an earlier run, if the newest are wanted."""
    if settings.keep_best:
        return BestWeights(folder, 0 if settings.start_counts else 1)
    forget(folder)
    return None


def _stopped(
    settings: TrainingSettings, step: int, seconds: float, journal: Journal
) -> StoppedBecause | None:
    if settings.steps is not None and step >= settings.steps:
        return "steps"
    last_look = journal.evaluation_s + journal.preview_s
    if settings.minutes is not None and seconds + last_look >= 60 * settings.minutes:
        return "minutes"
    if settings.patience is not None and _looked(journal, step) and not journal.standing.plateau.improving:
        return "no improvement"
    return None


def _looked(journal: Journal, step: int) -> bool:
    held_out = journal.curve.held_out
    return bool(held_out) and held_out[-1].step == step


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])


def _progress(settings: TrainingSettings, step: int, first_step: int, clock: Clock, note: str) -> Progress:
    """Counted in steps where those are limited, else in minutes; the note begins with rate and time left."""
    rate = (step - first_step) / max(clock.here, 1e-6)
    left: list[float] = []
    if settings.minutes is not None:
        left.append(60 * settings.minutes - clock.here)
    if settings.steps is not None and rate > 0:
        left.append((settings.steps - step) / rate)
    when = f"{max(0.0, min(left)) / 60:.1f} min left, " if left else ""
    note = f"step {step}, {rate:.3g} steps/s, {when}{note}"
    if settings.steps is not None or settings.minutes is None:
        return Progress("train", step, settings.steps, "steps", note)
    return Progress("train", min(clock.here / 60, settings.minutes), settings.minutes, "min", note)


def _note(journal: Journal, notes: list[str]) -> str:
    parts: list[Any] = []
    if journal.loss is not None:
        parts.append(f"loss {journal.loss:.4g}")
    if journal.standing.error is not None:
        parts.append(str(journal.standing))
    if notes:
        parts.append(f"{len(notes)} notes, the last: {notes[-1]}")
    return ", ".join(parts)
