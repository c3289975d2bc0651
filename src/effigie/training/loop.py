"""The training loop: resume, then step, check, log, evaluate and save until the budget is spent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from effigie.errors import Cancelled, PeerError, UsageError
from effigie.execution.launch import World
from effigie.progress import Cancel, Progress, ProgressCallback, silent
from effigie.training.best_checkpoint import Best
from effigie.training.checkpoint_manager import REASONS, Keeper, StoppedBecause, read_outcome
from effigie.training.config import TrainingSettings
from effigie.training.data.prefetcher import Prefetch
from effigie.training.data.sample_key import share_of, slots
from effigie.training.device import device_of, threads_of, to_device, tuned
from effigie.training.distributed import average_gradients, averaged, whole_batch_norms
from effigie.training.monitor.curve import CurvePoint
from effigie.training.monitor.plateau import Plateau
from effigie.training.monitor.progress_summary import Standing
from effigie.training.nan_guard import Guard, NumericError
from effigie.training.process_group import agreed, joined, led, share_tensors
from effigie.training.state import Snapshot, TrainingState
from effigie.training.task import Task
from effigie.training.timer import Clock, Due

PROGRESS_EVERY_S = 0.2
GO_ON, STOP = 0, len(REASONS) + 1
"""What processes agree on before each step: to go on, a reason to end (1, 2, ...), or to stop on request."""


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
    processes: int = 1
    """How many trained together."""

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

    Where several processes were started (torchrun, ``--devices``), each calls this with the same arguments and learns
    from its part of every batch; weights, terms and decisions are the same in all. The first alone uses ``folder``.

    Args:
        callback: called with a :class:`StepReport` after every step, from the calling thread.

    Raises:
        UsageError: the device does not exist, or the batch cannot be divided among the processes.
        ModelError: the folder's checkpoints are damaged, or of other networks than the task's.
        EffigieError: training fails numerically again and again (NumericError), or the disk is full.
        Cancelled: it was stopped, or another process was.
        PeerError: another process failed.
    """
    cancel = cancel or Cancel()
    with contextlib.ExitStack() as closing:
        world = closing.enter_context(joined())
        mine = share_of(world.rank, world.size, task.parts, task.examples)
        device = device_of(settings.device, world)
        closing.enter_context(torch.random.fork_rng([device] if device.type == "cuda" else []))
        closing.enter_context(tuned(device, threads_of(settings.threads, world)))

        state = TrainingState(task.networks(), task.parameter_groups, settings, device)
        guard = Guard(settings.max_rollbacks)
        clock = Clock()
        keeper: Keeper | None = None

        def begin() -> dict[str, Any]:
            nonlocal keeper
            keeper = Keeper(task, state, guard, folder, settings, device, clock, world.size)
            closing.callback(keeper.close)
            return keeper.begun()

        _require_same(settings, task, state, device)
        begun = led(begin)
        notes: list[str] = begun["notes"]
        if keeper is not None:
            keeper.notes = notes  # it writes what is added later
        guard.resume(begun["guard"])
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=begun["precision"] == "bf16")
        _follow(state, keeper)
        closing.enter_context(whole_batch_norms(state.networks))
        running = _running(world, device, task)
        progress(Progress("train on", world.size, world.size, "processes", running))

        def batches_from(step: int) -> Prefetch:
            seed, order = settings.seed, guard.order
            return Prefetch(lambda at: task.batch(slots(seed, order, at, mine)), step)

        batches = batches_from(state.step)
        closing.callback(lambda: batches.close())
        first_step = state.step
        progress_due = Due(PROGRESS_EVERY_S)
        try:
            if keeper is not None:
                keeper.first_look(autocast)
            while True:
                stopped = None if keeper is None else keeper.stopped()
                said = agreed(STOP if cancel.requested else REASONS.index(stopped) + 1 if stopped else GO_ON)
                if said == STOP:
                    cancel.check()
                    raise Cancelled(
                        "another process was stopped on request; run the same command to continue"
                    )
                if said != GO_ON:
                    reason: StoppedBecause = REASONS[said - 1]
                    break

                batch = to_device(batches.next(), device)
                torch.manual_seed(_seed(settings.seed, guard.order, state.step))
                with autocast:
                    losses = task.losses(batch, state.step)
                state.optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(torch.stack([term.float() for term in losses.values()]).sum())
                average_gradients(state.parameters)
                norm = torch.nn.utils.clip_grad_norm_(
                    state.parameters, settings.clip_gradient or float("inf")
                )
                values = averaged(torch.stack([term.detach().float() for term in losses.values()]))
                # One transfer for all the numbers: each would wait for the device on its own.
                *numbers, gradient_norm = torch.cat([values, norm[None]]).tolist()
                terms = dict(zip(losses, numbers, strict=True))

                if fault := guard.fault(terms, gradient_norm):
                    failed_step = state.step
                    if keeper is not None:
                        state.restore(keeper.good)
                    _follow(state, keeper)
                    notes.append(guard.roll_back(fault, failed_step, state.step, folder))
                    if keeper is not None:
                        keeper.rolled_back()
                    batches.close()
                    batches = batches_from(state.step)
                    progress(_progress(settings, state.step, first_step, clock, notes[-1]))
                    continue

                state.advance(guard.rate_scale)
                guard.passed(state.step)
                if callback is not None:
                    callback(StepReport(state.step, clock.total, terms))
                if keeper is not None:
                    keeper.stepped(terms, autocast)
                if progress_due(state.step):
                    progress(
                        _progress(settings, state.step, first_step, clock, _note(keeper, notes, running))
                    )

            if keeper is not None:
                keeper.finish(autocast)
        except (Cancelled, KeyboardInterrupt, SystemExit, NumericError, PeerError):
            if keeper is not None:
                keeper.rescue()
            raise

        progress(_progress(settings, state.step, first_step, clock, _note(keeper, notes, running)))
        seconds = clock.here
        outcome = led(lambda: {} if keeper is None else keeper.outcome())
        curve, best, standing = read_outcome(outcome, settings)
        return TrainingResult(
            steps=state.step,
            seconds=seconds,
            steps_per_second=(state.step - first_step) / seconds,
            best_error=outcome["best_error"],
            best=best,
            curve=curve,
            standing=standing,
            stopped_because=reason,
            notes=tuple(notes),
            processes=world.size,
        )


def _require_same(settings: TrainingSettings, task: Task, state: TrainingState, device: torch.device) -> None:
    """Processes that were started differently would learn something that nobody asked for.

    Raises:
        UsageError: this one differs from the leader.
    """
    shapes = [list(parameter.shape) for parameter in state.parameters]
    here = {
        "device": device.type,
        "batch": [task.examples, task.parts],
        **asdict(settings),
        "networks": shapes,
    }
    mine = json.loads(json.dumps(here))
    first = led(lambda: mine)
    if others := [name for name in mine if mine[name] != first[name]]:
        raise UsageError(f"this process was started with another {others[0]} than the first: start all alike")


def _follow(state: TrainingState, keeper: Keeper | None) -> None:
    """Every process becomes what the leader is, which stands where its ``good`` state is."""
    good = None if keeper is None else keeper.good
    told: Any = led(lambda: None if good is None else [good.step, good.scalars])
    tensors = share_tensors(None if good is None else good.tensors)
    if good is None:
        step, scalars = told
        state.restore(Snapshot(step, tensors, scalars))


def _running(world: World, device: torch.device, task: Task) -> str:
    """How many train, and on what."""
    if world.size == 1:
        return f"1 process on {device}"
    here = "" if world.local_size == world.size else f", {world.local_size} of them on this machine"
    each = task.examples // world.size
    return f"{world.size} processes{here} on {device.type}, each with {each} of the batch of {task.examples}"


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


def _note(keeper: Keeper | None, notes: list[str], running: str) -> str:
    parts = [running] if not running.startswith("1 ") else []
    if keeper is not None:
        journal = keeper.journal
        if journal.loss is not None:
            parts.append(f"loss {journal.loss:.4g}")
        if journal.standing.error is not None:
            parts.append(str(journal.standing))
    if notes:
        parts.append(f"{len(notes)} notes, the last: {notes[-1]}")
    return ", ".join(parts)
