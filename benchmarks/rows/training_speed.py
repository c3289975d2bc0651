"""Row: pictures trained on per second, beside the textbook autoencoder."""

from __future__ import annotations

import shutil
import statistics
import time

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.speed_model import settings_without_monitoring
from benchmarks.textbook import TextbookNet, TextbookTask, train_textbook
from effigie.errors import CancelledError
from effigie.evaluate.report.figures import Figure
from effigie.progress import CancelToken, Progress
from effigie.swap.checkpoint import build_network
from effigie.swap.config import SwapSettings
from effigie.swap.presets import get_preset
from effigie.swap.trainer import TrainingSetup, load_people, prepare_training
from effigie.training import StepReport, choose_device, train
from effigie.training.device import configure_backend

REPETITIONS = 3
SECONDS = 30.0  # measured a repetition
WARM_UP = 8  # steps before the clock starts: the pool of pictures fills, kernels are chosen


class _RateMeter:
    """Steps a second, from the end of the warm-up until ``seconds`` later."""

    def __init__(self, warm_up: int, seconds: float) -> None:
        self._warm_up, self._seconds = warm_up, seconds
        self._begun = 0.0
        self.rate = 0.0

    def enough(self, steps: int) -> bool:
        """Whether so many steps, just finished, are enough."""
        now = time.perf_counter()
        if steps <= self._warm_up:
            self._begun = now
            return False
        self.rate = (steps - self._warm_up) / (now - self._begun)
        return now - self._begun >= self._seconds


def training_speed(context: RowContext) -> RowResult:
    """Pictures a second of effigie's own loop and of the textbook's, alternating, on the same pictures."""
    source, target = map(context.material.actor, context.material.pairs()[0])
    faces = context.faces(source), context.faces(target)
    size = get_preset("tiny")
    footages = load_people(*faces, SwapSettings(preset="tiny"), context.progress)
    prepared = {
        prior: prepare_training(footages, SwapSettings(preset="tiny", prior=prior), context.progress)
        for prior in ("mesh", "none")
    }
    textbook = TextbookNet(size.size)
    rates: dict[str, list[float]] = {"mesh": [], "none": [], "textbook": []}
    repetitions, seconds = (1, 2.0) if context.quick else (REPETITIONS, SECONDS)
    for number in range(repetitions):
        context.progress(Progress("train", number, repetitions, "repetitions"))
        for prior, ready in prepared.items():
            rates[prior].append(size.batch * _ours(ready, prior, seconds, context))
        rates["textbook"].append(size.batch * _textbook(prepared["none"], textbook, seconds, context))
    context.progress(Progress("train", repetitions, repetitions, "repetitions"))
    middle = {name: statistics.median(values) for name, values in rates.items()}
    figures = [
        Figure("tiny, --prior mesh, over the textbook", middle["mesh"] / middle["textbook"], "times", at_least=10),
        Figure("tiny, --prior none, over the textbook", middle["none"] / middle["textbook"], "times", at_least=10),
        Figure("tiny, --prior mesh", middle["mesh"], "images/s"),
        Figure("tiny, --prior none", middle["none"], "images/s"),
        Figure("textbook autoencoder of 2017", middle["textbook"], "images/s"),
    ]
    weights = sum(parameter.numel() for parameter in textbook.parameters())
    notes = [f"{size.size} px, batches of {size.batch}; the textbook's network has {weights / 1e6:.0f} M weights"]
    return RowResult("Training speed", figures, notes=notes, details={"images_per_second": rates})


def _ours(prepared: TrainingSetup, prior: str, seconds: float, context: RowContext) -> float:
    """Steps a second of the loop that users run, averaged weights and guard included."""
    folder = context.work / "training-speed"
    pace, enough = _RateMeter(WARM_UP, seconds), CancelToken()

    def after(report: StepReport) -> None:
        if pace.enough(report.step) or context.cancel.is_requested:
            enough.set()

    shutil.rmtree(folder, ignore_errors=True)
    try:
        train(
            prepared.task(build_network(get_preset("tiny"), prior == "mesh")),
            folder,
            settings_without_monitoring(),
            cancel=enough,
            callback=after,
        )
    except CancelledError:
        context.cancel.check()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return pace.rate


def _textbook(prepared: TrainingSetup, network: TextbookNet, seconds: float, context: RowContext) -> float:
    """Steps a second of the bare loop."""
    pace = _RateMeter(1, seconds)
    device = choose_device()

    def keep_going(step: int) -> bool:
        context.cancel.check()
        return step == 0 or not pace.enough(step)

    with configure_backend(device, None):
        network.to(device)
        train_textbook(TextbookTask(prepared.task(network), network), network, keep_going)
    return pace.rate
