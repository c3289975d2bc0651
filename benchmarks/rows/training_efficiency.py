"""Row: share of the processor's peak that a training step of a swap reaches, part by part, and memory by preset."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.speed_model import settings_without_monitoring
from benchmarks.matrix_peak import matrix_peak
from benchmarks.memory import measure_command
from effigie.errors import EffigieError
from effigie.evaluate.report.figures import Figure
from effigie.progress import Progress
from effigie.swap.checkpoint import build_network
from effigie.swap.config import SwapSettings
from effigie.swap.presets import PRESETS, get_preset
from effigie.swap.task import SwapTask
from effigie.swap.trainer import TrainingSetup, load_people, prepare_training
from effigie.training import StepReport, choose_device, choose_precision, train
from effigie.training.data.sample_key import make_sample_keys
from effigie.training.device import configure_backend, to_device
from effigie.training.state import TrainingState

STEPS, WARM_UP = 40, 10
REPETITIONS = 7
MEMORY_STEPS = 3
GIGA = 1e9
COMMAND = f"import sys; from {__name__} import run_few_steps; run_few_steps(*sys.argv[1:])"


def training_efficiency(context: RowContext) -> RowResult:
    """The loop that users run, beside the matrix-multiply peak measured right before and after it."""
    source, target = (context.faces(context.material.actor(name)) for name in context.material.pairs()[0])
    settings = SwapSettings(preset="tiny")
    prepared = prepare_training(load_people(source, target, settings, context.progress), settings, context.progress)
    device = choose_device()
    precision = choose_precision("auto", device)
    half = precision == "bf16"
    steps, repetitions = (12, 2) if context.quick else (STEPS, REPETITIONS)
    with configure_backend(device, None):
        before = _peaks(device)
        work = convolutions(prepared, device)
        whole = step_seconds(prepared, steps, context)
        parts = time_step_parts(prepared, device, half, repetitions)
        after = _peaks(device)
    peaks = {name: max(before[name], after[name]) for name in before}
    limit = peaks["bf16"]
    on_networks = parts["networks and losses"] + parts["backward"]
    figures = [
        Figure("matrix multiplication, bf16: peak", peaks["bf16"] / GIGA, "GFLOP/s"),
        Figure("matrix multiplication, fp32: peak", peaks["fp32"] / GIGA, "GFLOP/s"),
        Figure("tiny: convolutions of a step", work / GIGA, "GFLOP"),
        Figure("tiny: a step of the loop, data made meanwhile", 1e3 * whole, "ms"),
        Figure("tiny: of the bf16 peak, the whole step", 100 * work / whole / limit, "%", at_least=50),
        Figure("tiny: of the bf16 peak, forward and backward alone", 100 * work / on_networks / limit, "%"),
        *(Figure(f"tiny, by itself: {name}", 1e3 * value, "ms") for name, value in parts.items()),
    ]
    details: dict[str, Any] = {"precision": precision, "threads": torch.get_num_threads(), "peaks": [before, after]}
    for name in ("tiny",) if context.quick else PRESETS:
        context.cancel.check()
        context.progress(Progress("memory", list(PRESETS).index(name), len(PRESETS), "presets", name))
        command = [sys.executable, "-c", COMMAND, name, str(source), str(target)]
        usage = measure_command(command)
        if usage.exit_code:
            raise EffigieError(f"training {name} failed in the bench: {usage.output.splitlines()[-1:]}")
        figures.append(Figure(f"{name}: peak memory of training", usage.peak_rss / GIGA, "GB"))
        details[f"seconds a step, {name}"] = json.loads(usage.output.splitlines()[-1])
    notes = [
        f"{precision}, {torch.get_num_threads()} threads. Memory: {MEMORY_STEPS} steps on the CPU with all teachers "
        "that the preset has, data and looks included"
    ]
    return RowResult("Training efficiency", figures, notes=notes, details=details)


def _peaks(device: torch.device) -> dict[str, float]:
    return {"bf16": matrix_peak(torch.bfloat16, device), "fp32": matrix_peak(torch.float32, device)}


def _task(prepared: TrainingSetup, name: str = "tiny", prior: bool = True) -> SwapTask:
    torch.manual_seed(0)
    return prepared.task(build_network(get_preset(name), prior))


def convolutions(prepared: TrainingSetup, device: torch.device) -> float:
    """Floating-point operations of a step's convolutions, forward and backward; nothing else counts as work."""
    task = _task(prepared)
    for network in task.networks().values():
        network.to(device)
    batch = to_device(task.batch(make_sample_keys(0, 0, 0, range(task.parts))), device)
    with FlopCounterMode(display=False) as counted:
        torch.autograd.backward(torch.stack([*task.losses(batch, 0).values()]).sum())
    everything: dict[Any, int] = counted.get_flop_counts()["Global"]
    return float(sum(flops for name, flops in everything.items() if "convolution" in str(name)))


def step_seconds(prepared: TrainingSetup, steps: int, context: RowContext) -> float:
    """Median seconds of a step of the loop, without looks and checkpoints, averaged weights and guard included."""
    folder = context.work / "training-efficiency"
    shutil.rmtree(folder, ignore_errors=True)
    times: list[float] = []

    def after(report: StepReport) -> None:
        context.cancel.check()
        times.append(time.perf_counter())

    try:
        train(_task(prepared), folder, settings_without_monitoring(steps), callback=after)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    skipped = min(WARM_UP, steps // 2)
    lengths = [late - early for early, late in pairwise(times[skipped:])]
    return statistics.median(lengths)


@dataclass
class _StepTimer:
    """Median seconds of named parts."""

    device: torch.device
    times: dict[str, list[float]]

    def __call__(self, name: str, part: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        result = part()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.times.setdefault(name, []).append(time.perf_counter() - begun)
        return result


def time_step_parts(prepared: TrainingSetup, device: torch.device, half: bool, repetitions: int) -> dict[str, float]:
    """Median seconds of each part of a step, one after the other, nothing beside it."""
    task, watch = _task(prepared), _StepTimer(device, {})
    state = TrainingState(task.networks(), task.parameter_groups, settings_without_monitoring(1), device)
    for number in range(3 + repetitions):
        if number == 3:
            watch.times.clear()  # kernels are chosen, the pool of pictures has begun
        made = make_sample_keys(0, 0, 10 * number, range(task.parts))
        arrays = watch("data", lambda made=made: task.batch(made))  # type: ignore[misc]

        def forward(arrays: Any = arrays) -> torch.Tensor:
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                terms = task.losses(to_device(arrays, device), 0)
            return torch.stack([term.float() for term in terms.values()]).sum()

        loss = watch("networks and losses", forward)
        state.optimizer.zero_grad(set_to_none=True)
        watch("backward", lambda loss=loss: torch.autograd.backward(loss))  # type: ignore[misc]
        watch("clipping", lambda: torch.nn.utils.clip_grad_norm_(state.parameters, 1.0))
        watch("optimiser", state.optimizer.step)
        watch("averaging", lambda number=number: state.ema.update(number + 1))  # type: ignore[misc]
        watch("copy to roll back to (every 10 s)", state.capture)
    return {name: statistics.median(values) for name, values in watch.times.items()}


def run_few_steps(name: str, source: str, target: str) -> None:
    """Train a preset for three steps with all its teachers from the first on; prints the seconds of a step."""
    settings = SwapSettings(preset=name, bank=60, device="cpu")  # type: ignore[arg-type]  # checked there
    prepared = prepare_training(
        load_people(source, target, settings), settings, shares=replace(settings.shares, start_step=0)
    )
    times = [time.perf_counter()]
    with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
        train(
            _task(prepared, name),
            Path(folder),
            replace(settings_without_monitoring(MEMORY_STEPS), device="cpu"),
            callback=lambda report: times.append(time.perf_counter()),
        )
    print(json.dumps(min(late - early for early, late in pairwise(times[1:]))))
