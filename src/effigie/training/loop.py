"""The training loop: resume, then step, check, log, evaluate and save until the budget is spent."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from effigie.errors import CancelledError, DistributedError, UsageError
from effigie.execution.launch import RankInfo
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count, ignore_progress
from effigie.training.checkpoint import BestCheckpoint
from effigie.training.checkpoint_manager import STOP_REASONS, CheckpointManager, StopReason, parse_curve_record
from effigie.training.config import TrainingSettings
from effigie.training.data.prefetcher import BatchPrefetcher
from effigie.training.data.sample_key import make_sample_keys, shard_range
from effigie.training.device import choose_process_device, choose_threads, configure_backend, to_device
from effigie.training.distributed import all_reduce_gradients, all_reduce_mean
from effigie.training.monitor.curve import CurvePoint
from effigie.training.monitor.progress_summary import Plateau, ProgressSummary
from effigie.training.nan_guard import NanGuard, NumericError
from effigie.training.process_group import (
    all_reduce_max,
    broadcast_result,
    broadcast_tensors,
    current_rank_info,
    join_process_group,
)
from effigie.training.state import Snapshot, TrainingState
from effigie.training.task import Task
from effigie.training.timer import IntervalTrigger, Stopwatch

LOG = logging.getLogger(__name__)

PROGRESS_EVERY_S = 0.2
CONTINUE, CANCEL = 0, len(STOP_REASONS) + 1
"""What processes agree on before each step: to go on, a reason to end (1, 2, ...), or to stop on request."""


@dataclass(frozen=True)
class StepReport:
    """What ``callback`` is called with after every step."""

    step: int
    """Steps done in all."""
    seconds: float
    """Seconds of training in all, earlier calls included."""
    terms: dict[str, float]
    """Each loss term of this step, weighted; their sum is the loss."""


@dataclass(frozen=True)
class TrainingResult:
    """Result of a call of :func:`train`."""

    steps: int
    """Steps done in all."""
    seconds: float
    """Seconds this call took."""
    steps_per_second: float
    """Of this call, evaluations and previews included."""
    best_error: float | None
    """Lowest held-out error of the whole curve."""
    best: BestCheckpoint | None
    """The evaluation whose weights are exported; None where the newest are."""
    curve: list[CurvePoint]
    progress_summary: ProgressSummary
    stopped_because: StopReason
    notes: tuple[str, ...]
    """What went wrong and was put right: damaged checkpoints, roll-backs."""
    processes: int = 1

    @property
    def plateau(self) -> Plateau:
        """Whether the held-out error still improved at the end."""
        return self.progress_summary.plateau


def train(
    task: Task,
    folder: Path,
    settings: TrainingSettings,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
    callback: Callable[[StepReport], None] | None = None,
) -> TrainingResult:
    """Train ``task``, or go on training it, until a budget of ``settings`` is used up.

    Into ``folder`` go ``training/`` (checkpoints, ``best.safetensors``, ``state.json``, TensorBoard), ``curve.csv``,
    ``curve.png``, ``preview.png`` and ``previews/``. A folder that holds a checkpoint is resumed from the newest
    undamaged one. However the call ends, the last checkpoint on disk is whole; when it is stopped by ``cancel``,
    Ctrl-C or any :class:`CancelledError`, the current state is saved before leaving.

    Where several processes were started (torchrun, ``--devices``), each calls this with the same arguments and learns
    from its shard of every batch; weights, terms and decisions are the same in all. The first alone uses ``folder``.

    Args:
        callback: called with a :class:`StepReport` after every step, from the calling thread.

    Raises:
        UsageError: the device does not exist, or the batch cannot be divided among the processes.
        ModelError: the folder's checkpoints are damaged, or of other networks than the task's.
        EffigieError: training fails numerically again and again (NumericError), or the disk is full.
        CancelledError: it was stopped, or another process was.
        DistributedError: another process failed.
    """
    cancel = cancel or CancelToken()
    with contextlib.ExitStack() as closing:
        world = closing.enter_context(join_process_group())
        mine = shard_range(world.rank, world.size, task.parts, task.examples)
        device = choose_process_device(settings.device, world)
        closing.enter_context(torch.random.fork_rng([device] if device.type == "cuda" else []))
        closing.enter_context(configure_backend(device, choose_threads(settings.threads, world)))

        state = TrainingState(task.networks(), task.parameter_groups, settings, device)
        guard = NanGuard(settings.max_rollbacks)
        clock = Stopwatch()
        manager: CheckpointManager | None = None

        def begin() -> dict[str, Any]:
            nonlocal manager
            manager = CheckpointManager(task, state, guard, folder, settings, device, clock, world.size)
            closing.callback(manager.close)
            return manager.shared_state()

        _check_processes(settings, task, state, device)
        shared_state = broadcast_result(begin)
        notes: list[str] = shared_state["notes"]
        if manager is not None:
            manager.notes = notes  # it writes what is added later
        guard.load_state(shared_state["guard"])
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=shared_state["precision"] == "bf16")
        _sync_state(state, manager)
        running = _describe_processes(world, device, task)
        LOG.info("%s: step %d, %s on %s", folder, state.step, shared_state["precision"], running)
        progress(Progress("train on", world.size, world.size, "processes", running))

        def batches_from(step: int) -> BatchPrefetcher:
            seed, order = settings.seed, guard.order
            return BatchPrefetcher(lambda at: task.batch(make_sample_keys(seed, order, at, mine)), step)

        batches = batches_from(state.step)
        closing.callback(lambda: batches.close())
        first_step = state.step

        def show(note: str = "") -> None:
            note = note or _status_text(manager, notes, running)
            progress(_make_progress(settings, state.step, first_step, clock, note))

        progress_due = IntervalTrigger(PROGRESS_EVERY_S)
        try:
            if manager is not None:
                manager.evaluate_start(autocast)
            while True:
                stop_reason = None if manager is None else manager.stop_reason()
                own = STOP_REASONS.index(stop_reason) + 1 if stop_reason else CONTINUE
                decision = all_reduce_max(CANCEL if cancel.is_requested else own)
                if decision == CANCEL:
                    cancel.check()
                    raise CancelledError("another process was stopped on request; run the same command to continue")
                if decision != CONTINUE:
                    reason: StopReason = STOP_REASONS[decision - 1]
                    break

                batch = to_device(batches.next(), device)
                seed = np.random.SeedSequence((settings.seed, guard.order, state.step))
                torch.manual_seed(int(seed.generate_state(1, np.uint64)[0]))
                with autocast:
                    losses = task.losses(batch, state.step)
                state.optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(torch.stack([term.float() for term in losses.values()]).sum())
                all_reduce_gradients(state.parameters)
                max_norm = settings.clip_gradient or float("inf")
                norm = torch.nn.utils.clip_grad_norm_(state.parameters, max_norm)
                values = all_reduce_mean(torch.stack([term.detach().float() for term in losses.values()]))
                # One transfer for all the numbers: each would wait for the device on its own.
                *numbers, gradient_norm = torch.cat([values, norm[None]]).tolist()
                terms = dict(zip(losses, numbers, strict=True))

                if fault := guard.find_fault(terms, gradient_norm):
                    failed_step = state.step
                    if manager is not None:
                        state.restore(manager.last_good)
                    _sync_state(state, manager)
                    notes.append(guard.roll_back(fault, failed_step, state.step, folder))
                    if manager is not None:
                        manager.on_rollback()
                    batches.close()
                    batches = batches_from(state.step)
                    show(notes[-1])
                    continue

                state.advance(guard.lr_scale)
                guard.record_healthy_step(state.step)
                if callback is not None:
                    callback(StepReport(state.step, clock.total_s, terms))
                if manager is not None:
                    manager.on_step_end(terms, autocast)
                if progress_due(state.step):
                    show()

            if manager is not None:
                manager.save_final(autocast)
        except (CancelledError, KeyboardInterrupt, SystemExit, NumericError, DistributedError):
            if manager is not None:
                manager.save_interrupted()
            raise

        show()
        seconds = clock.call_s
        curve_record = broadcast_result(lambda: {} if manager is None else manager.curve_record())
        curve, best, progress_summary = parse_curve_record(curve_record, settings)
        return TrainingResult(
            steps=state.step,
            seconds=seconds,
            steps_per_second=(state.step - first_step) / seconds,
            best_error=curve_record["best_error"],
            best=best,
            curve=curve,
            progress_summary=progress_summary,
            stopped_because=reason,
            notes=tuple(notes),
            processes=world.size,
        )


def _check_processes(settings: TrainingSettings, task: Task, state: TrainingState, device: torch.device) -> None:
    """Refuse settings other than those of rank 0, and networks whose processes would normalise differently."""
    shapes = [list(parameter.shape) for parameter in state.parameters]
    batch = [task.examples, task.parts]
    own = {"device": device.type, "batch": batch, **asdict(settings), "networks": shapes}
    mine = json.loads(json.dumps(own))
    first = broadcast_result(lambda: mine)
    if differences := [name for name in mine if mine[name] != first[name]]:
        raise UsageError(f"this process was started with another {differences[0]} than the first: start all alike")
    modules = nn.ModuleDict(state.networks).modules()
    if current_rank_info().size > 1 and any(isinstance(module, _BatchNorm) for module in modules):
        raise UsageError("a network with batch norm is trained by one process: several would normalise apart")


def _sync_state(state: TrainingState, manager: CheckpointManager | None) -> None:
    """Broadcast the ``last_good`` state of rank 0, and restore it in the other processes."""
    own = Snapshot(0, {}, {}) if manager is None else manager.last_good
    step, scalars = broadcast_result(lambda: (own.step, own.scalars))
    tensors = broadcast_tensors(own.tensors)
    if manager is None:
        state.restore(Snapshot(step, tensors, scalars))


def _describe_processes(world: RankInfo, device: torch.device, task: Task) -> str:
    """The number of processes and their device, in words."""
    if world.size == 1:
        return f"1 process on {device}"
    local = "" if world.local_size == world.size else f", {world.local_size} of them on this machine"
    share = task.examples // world.size
    return f"{world.size} processes{local} on {device.type}, each with {share} of the batch of {task.examples}"


def _make_progress(settings: TrainingSettings, step: int, first_step: int, clock: Stopwatch, note: str) -> Progress:
    """Progress in steps where those are limited, else in minutes; the note begins with rate and time left."""
    rate = (step - first_step) / max(clock.call_s, 1e-6)
    limits: list[float] = []
    if settings.minutes is not None:
        limits.append(60 * settings.minutes - clock.call_s)
    if settings.steps is not None and rate > 0:
        limits.append((settings.steps - step) / rate)
    time_text = f"{max(0.0, min(limits)) / 60:.1f} min left, " if limits else ""
    note = f"step {step}, {rate:.3g} steps/s, {time_text}{note}"
    if settings.steps is not None or settings.minutes is None:
        return Progress("train", step, settings.steps, "steps", note)
    return Progress("train", min(clock.call_s / 60, settings.minutes), settings.minutes, "min", note)


def _status_text(manager: CheckpointManager | None, notes: list[str], running: str) -> str:
    """Processes, loss, held-out error and the last note, in words."""
    parts = [running] if not running.startswith("1 ") else []
    if manager is not None:
        logger = manager.logger
        parts += [] if logger.loss is None else [f"loss {logger.loss:.4g}"]
        if logger.progress_summary.error is not None:
            parts.append(str(logger.progress_summary))
    if notes:
        parts.append(f"{format_count(len(notes), 'note')}, the last: {notes[-1]}")
    return ", ".join(parts)
