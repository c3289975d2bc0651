"""Rows: speed of animation, share of each stage, and the time of a first use."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.fixtures.cuts import cut_clip
from benchmarks.fixtures.heads_model import fast_model
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.rows.footprint import COMMAND
from effigie.assets import ASSETS, REQUIRED_ASSETS, fetch_asset, fetch_assets
from effigie.consent import new_consent
from effigie.errors import EffigieError
from effigie.evaluate.report.figures import Figure, yes_no_figure
from effigie.faceset.plots.drawing import write_png
from effigie.heads import AnimateSettings
from effigie.heads.inference.animation import AnimateReport, animate
from effigie.media import VideoReader, probe
from effigie.progress import Progress

REPETITIONS = 3
DRIVER_S = 10
QUICK_FRAMES = 25


def animation(context: RowContext) -> RowResult:
    """Frames a second, from reading the driver's clip to the signed file; the repetition in the middle counts."""
    portrait, driver = build_portrait(context), _driver(context)
    model, what = fast_model(context)
    record = _consent(context, portrait)
    cases = (
        ("prior alone, 512²", AnimateSettings(renderer="geometry", paste="crop", size=512), 40.0),
        ("nano, 256²", AnimateSettings(heads=model, paste="crop", size=256), 20.0),
    )
    figures, details = [], {}
    for name, settings, wanted in cases:
        runs = []
        for number in range(1 if context.quick else REPETITIONS):
            context.progress(Progress(name, number, REPETITIONS, "repetitions"))
            output = context.work / "animation.mp4"
            runs.append(animate(portrait, driver, output, settings, consent=record, cancel=context.cancel))
            output.unlink(missing_ok=True)
        runs.sort(key=lambda run: run.seconds)
        report = runs[len(runs) // 2]
        figures += _figures(name, report, wanted)
        details[name] = {"seconds": [run.seconds for run in runs], "stages": report.stages}
    notes = [
        f"a driver of {probe(driver).frames} frames, 640x360; the network is {what}",
        "stages overlap, so that their shares are of the work, not of the time; portrait is reading it, driver is "
        "reading the motion, trust is mark, fingerprints and signature",
    ]
    return RowResult("Animation speed", figures, notes=notes, details=details)


def _figures(name: str, report: AnimateReport, wanted: float) -> list[Figure]:
    spent = sum(report.stages.values())
    before = report.stages["portrait"] + report.stages["driver"]
    figures = [
        Figure(f"{name}: end to end", report.frames / report.seconds, "frames/s", at_least=wanted),
        Figure(f"{name}: once the motion is read", report.frames / (report.seconds - before), "frames/s"),
    ]
    for stage, seconds in sorted(report.stages.items(), key=lambda item: -item[1]):
        figures.append(Figure(f"{name}, of the work: {stage}", 100 * seconds / spent, "%"))
    return figures


def first_use(context: RowContext) -> RowResult:
    """`effigie animate` as a command of a user who has no keys yet, from its start to its end."""
    fetch_assets(REQUIRED_ASSETS)
    portrait, driver = build_portrait(context), _driver(context)
    model, what = fast_model(context)
    home, output = context.work / "first-use-home", context.work / "first-use.mp4"
    shutil.rmtree(home, ignore_errors=True)
    output.unlink(missing_ok=True)
    record = home / "man.consent.json"
    terms = ASSETS["sample_man"].license
    run_command(home, "consent", "new", "man", "--photo", portrait, "--uses", "animate", "--basis", terms, "-o", record)
    begun = time.perf_counter()
    run_command(home, "animate", portrait, "--driver", driver, "--heads", model, "--consent", record, "-o", output)
    seconds = time.perf_counter() - begun
    info = probe(output)
    figures = [
        Figure("a portrait and a driver of 10 s", seconds, "s", at_most=30),
        yes_no_figure("as many frames as the driver, with sound if it has any", _same(driver, output)),
    ]
    notes = [
        f"{info.frames} frames of {info.width}x{info.height}; {what}; the networks were fetched "
        "before, which is not counted"
    ]
    return RowResult("First use", figures, notes=notes)


def _same(driver: Path, output: Path) -> bool:
    given, made = probe(driver), probe(output)
    return given.frames == made.frames and bool(given.audio) == bool(made.audio)


def run_command(home: Path, *arguments: str | Path) -> None:
    """Run effigie as a user who keeps keys and records in ``home``."""
    ended = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env={**os.environ, "EFFIGIE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise EffigieError(f"`effigie {arguments[0]}` failed in the bench: {ended.stderr.splitlines()[-1:]}")


def build_portrait(context: RowContext) -> Path:
    """The sample man, whose first frame looks at the camera."""
    path = context.work / "portrait.png"
    if not path.is_file():
        with VideoReader(fetch_asset("sample_man"), stop=1) as reader:
            write_png(path, next(iter(reader)).image)
    return path


def _driver(context: RowContext) -> Path:
    """The first ten seconds of the sample woman."""
    clip = fetch_asset("sample_woman")
    frames = QUICK_FRAMES if context.quick else round(DRIVER_S * float(probe(clip).rate or 25))
    return cut_clip(clip, context.work / f"driver-{frames}.mp4", 0, frames)


def _consent(context: RowContext, portrait: Path) -> Path:
    path = context.work / "consents" / "portrait.json"
    if not path.is_file():
        record = new_consent("sample man", [portrait], ("animate",), basis=ASSETS["sample_man"].license)
        record.save(path)
    return path
