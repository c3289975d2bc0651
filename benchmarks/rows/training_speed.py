"""Row: how many pictures a second are trained on, beside the textbook's autoencoder."""

from __future__ import annotations

import shutil
import statistics
import time

from benchmarks.rows.row import Result, Setting
from benchmarks.rows.speed_model import uninterrupted
from benchmarks.textbook import TextbookNet, TextbookTask, train_textbook
from effigie.errors import Cancelled
from effigie.evaluate.report.figures import Figure
from effigie.progress import Cancel, Progress
from effigie.swap.checkpoint import build_network
from effigie.swap.config import SwapSettings
from effigie.swap.presets import preset
from effigie.swap.trainer import Prepared, load_people, prepare
from effigie.training import StepReport, choose_device, train
from effigie.training.device import tuned

REPETITIONS = 3
SECONDS = 30.0  # measured a repetition
WARM_UP = 8  # steps before the clock starts: the pool of pictures fills, kernels are chosen


class _Pace:
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


def training_speed(setting: Setting) -> Result:
    """Pictures a second of effigie's own loop and of the textbook's, alternating, on the same pictures."""
    source, target = map(setting.material.actor, setting.material.pairs()[0])
    faces = setting.faces(source), setting.faces(target)
    size = preset("tiny")
    footages = load_people(*faces, SwapSettings(preset="tiny"), setting.progress)
    prepared = {
        prior: prepare(footages, SwapSettings(preset="tiny", prior=prior), setting.progress)
        for prior in ("mesh", "none")
    }
    textbook = TextbookNet(size.size)
    rates: dict[str, list[float]] = {"mesh": [], "none": [], "textbook": []}
    repetitions, seconds = (1, 2.0) if setting.quick else (REPETITIONS, SECONDS)
    for number in range(repetitions):
        setting.progress(Progress("train", number, repetitions, "repetitions"))
        for prior, ready in prepared.items():
            rates[prior].append(size.batch * _ours(ready, prior, seconds, setting))
        rates["textbook"].append(size.batch * _textbook(prepared["none"], textbook, seconds, setting))
    setting.progress(Progress("train", repetitions, repetitions, "repetitions"))
    middle = {name: statistics.median(values) for name, values in rates.items()}
    figures = [
        Figure(
            "tiny, --prior mesh, over the textbook", middle["mesh"] / middle["textbook"], "times", at_least=10
        ),
        Figure(
            "tiny, --prior none, over the textbook", middle["none"] / middle["textbook"], "times", at_least=10
        ),
        Figure("tiny, --prior mesh", middle["mesh"], "images/s"),
        Figure("tiny, --prior none", middle["none"], "images/s"),
        Figure("textbook autoencoder of 2017", middle["textbook"], "images/s"),
    ]
    weights = sum(parameter.numel() for parameter in textbook.parameters())
    notes = [
        f"{size.size} px, batches of {size.batch}; the textbook's network has {weights / 1e6:.0f} M weights"
    ]
    return Result("Training speed", figures, notes=notes, details={"images_per_second": rates})


def _ours(prepared: Prepared, prior: str, seconds: float, setting: Setting) -> float:
    """Steps a second of the loop that users run, averaged weights and guard included."""
    folder = setting.work / "training-speed"
    pace, enough = _Pace(WARM_UP, seconds), Cancel()

    def after(report: StepReport) -> None:
        if pace.enough(report.step) or setting.cancel.requested:
            enough.set()

    shutil.rmtree(folder, ignore_errors=True)
    try:
        train(
            prepared.task(build_network(preset("tiny"), prior == "mesh")),
            folder,
            uninterrupted(),
            cancel=enough,
            callback=after,
        )
    except Cancelled:
        setting.cancel.check()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return pace.rate


def _textbook(prepared: Prepared, network: TextbookNet, seconds: float, setting: Setting) -> float:
    """Steps a second of the bare loop."""
    pace = _Pace(1, seconds)
    device = choose_device()

    def keep_going(step: int) -> bool:
        setting.cancel.check()
        return step == 0 or not pace.enough(step)

    with tuned(device, None):
        network.to(device)
        train_textbook(TextbookTask(prepared.task(network), network), network, keep_going)
    return pace.rate
