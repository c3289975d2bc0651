"""Row: trainings stopped by Ctrl-C at random moments, each of which must leave a model that converts."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.small import QUICK, SmallMaterial, create_small_material, isolated_home
from effigie.errors import EffigieError
from effigie.evaluate.report.figures import Figure
from effigie.progress import Progress
from effigie.training.export import find_newest_step

COUNT, QUICK_COUNT = 20, 4
FRAMES = 2  # that are converted with what a stop left
EARLIEST_S, LATEST_S = 1.0, 15.0
"""After the start of the command: before the first, Python has not read the command line."""
ENDS_WITHIN_S = 120.0


@dataclass(frozen=True)
class Stop:
    """Result of one stop.

    Attributes:
        number: seed of the moment.
        after: seconds from the start of the command to Ctrl-C.
        step: of the newest checkpoint that was left; 0 where none was.
        during, fault: why converting failed while it trained, and after the stop; empty if it did not.
    """

    number: int
    after: float
    step: int
    during: str = ""
    fault: str = ""


def stops(context: RowContext) -> RowResult:
    """SIGINT to `effigie train`, and conversions with its folder right before and after."""
    work, count = context.work / "stops", QUICK_COUNT if context.quick else COUNT
    found = []
    with isolated_home(work / "home"):
        things = create_small_material(work, context.progress, context.cancel)
        for number in range(count):
            context.cancel.check()
            found.append(stop_training(things, work / f"stop-{number}", number))
            bad = sum(bool(stop.fault) for stop in found)
            context.progress(Progress("stop", len(found), count, "stops", f"{bad} bad"))
    return _summarize(found)


def stop_training(things: SmallMaterial, model: Path, number: int) -> Stop:
    """Train into ``model``, stop at a random moment, and convert with what is there then; removes it."""
    shutil.rmtree(model, ignore_errors=True)
    after = float(np.random.default_rng(number).uniform(EARLIEST_S, LATEST_S))
    source, target = map(str, things.faces)
    command = [sys.executable, "-m", "effigie", "--progress", "none", "train", "--source", source, "--target", target]
    options = ["-o", str(model), "--consent", str(things.consent), "--minutes", "9", "--batch", str(QUICK["batch"])]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        time.sleep(after)
        during = _convert(things, model) if (model / "bank" / "faceset.json").is_file() else ""
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=ENDS_WITHIN_S)
    finally:
        process.kill()
        process.wait()
    fault = _convert(things, model)
    if process.returncode != 130:
        fault = f"exit code {process.returncode}: {complaint.strip()}"
    step = find_newest_step(model) or 0
    shutil.rmtree(model, ignore_errors=True)
    return Stop(number, after, step, during, fault)


def _convert(things: SmallMaterial, model: Path) -> str:
    """Why the model does not convert; empty if it does."""
    from effigie.media import EncodeSettings
    from effigie.swap import ConvertSettings, convert

    output = model.with_name(f"{model.name}.mp4")
    settings = ConvertSettings(max_frames=FRAMES, encode=EncodeSettings(preset="ultrafast", keep_audio=False))
    try:
        report = convert(model, things.clips[1], output, settings)
    except EffigieError as error:
        return str(error)
    return "" if report.frames == report.swapped == FRAMES else f"{report.swapped} of {report.frames} swapped"


def _summarize(found: list[Stop]) -> RowResult:
    figures = [
        Figure("trainings stopped", len(found)),
        Figure("of them left something that converts", sum(not s.fault for s in found), at_least=len(found)),
        Figure("conversions that failed while it trained", sum(bool(s.during) for s in found), at_most=0),
    ]
    moments = Counter("before the first step" if not stop.step else "after a step or more" for stop in found)
    notes = [f"{count} {moment}" for moment, count in sorted(moments.items())]
    return RowResult("Stopped trainings", figures, notes=notes, details={"stops": [asdict(stop) for stop in found]})
