"""Rows: two workers against one over lists of clips, and Ray against local processes."""

from __future__ import annotations

import importlib.util
import shutil
import statistics
import sys
from pathlib import Path

from benchmarks.fixtures.material import SHORT_FRAMES, SampleMaterial
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.speed_model import speed_model
from benchmarks.fixtures.tiny import tiny_clips
from benchmarks.memory import Usage, measure_command
from effigie.errors import EffigieError
from effigie.evaluate.report.figures import Figure
from effigie.progress import Progress

COMMAND = (sys.executable, "-c", "from effigie.cli import main; main()")
REPETITIONS = 2
LONGER = 300  # frames of clips over which the start of a command and of its workers counts less
RAY_CLIPS, RAY_FRAMES = 200, 24
MB = 1e6


def two_processes(context: RowContext) -> RowResult:
    """Seconds of ``effigie extract`` and ``effigie convert`` over 20 clips with one worker and with two."""
    samples = SampleMaterial(context.work / "clips")
    most = 4 if context.quick else None
    short, longer = ([*map(str, clips[:most])] for clips in (samples.short_clips(), samples.cut_parts(LONGER)))
    commands = {
        "extract": ["extract", *short, "--size", "256"],
        "convert": ["convert", str(speed_model(context)), *short],
        f"extract of {LONGER} frames each": ["extract", *longer, "--size", "256"],
    }
    figures, details = [], {}
    for verb, command in commands.items():
        arms = {f"{count}": [*command, "--workers", f"{count}"] for count in (1, 2)}
        runs = _alternate(context, verb, arms, 1 if context.quick else REPETITIONS)
        details[verb] = _details(runs)
        seconds, spent = _medians(runs, "seconds"), _medians(runs, "processor_seconds")
        figures += [
            Figure(f"{verb}, {len(short)} clips: two over one", seconds["1"] / seconds["2"], "times", at_least=1.8),
            Figure(f"{verb}: one", seconds["1"], "s"),
            Figure(f"{verb}: two", seconds["2"], "s"),
            Figure(f"{verb}: cores that one keeps busy", spent["1"] / seconds["1"], ""),
            Figure(f"{verb}: processor time of two over one", spent["2"] / spent["1"], "times"),
        ]
    notes = [
        "commands from start to end; one worker overlaps the stages of its conversion, as any user gets it",
        f"clips of {SHORT_FRAMES} frames, 640 x 360, where nothing else is said",
    ]
    return RowResult("Two processes against one", figures, notes=notes, details=details)


def ray_pool(context: RowContext) -> RowResult:
    """Seconds of the same commands over 200 clips, with two workers of either engine."""
    if importlib.util.find_spec("ray") is None:
        return RowResult("Ray against local processes", [], notes=["Ray is not installed: pip install 'effigie[ray]'"])
    count = 8 if context.quick else RAY_CLIPS
    folder = tiny_clips(context, count, RAY_FRAMES)
    model = speed_model(context)
    longer = SampleMaterial(context.work / "clips").cut_parts(SHORT_FRAMES, count)
    commands = {
        "extract": ["extract", *map(str, longer), "--size", "256"],
        "extract of tiny ones": ["extract", str(folder), "--size", "256", "--smallest", "1"],
        "convert of tiny ones": ["convert", str(model), str(folder), "--person", "0"],
    }
    figures, details = [], {}
    for verb, command in commands.items():
        arms = {engine: [*command, "--workers", "2", "--engine", engine] for engine in ("local", "ray")}
        runs = _alternate(context, f"{verb} by Ray", arms, 1)
        details[verb] = _details(runs)
        seconds = _medians(runs, "seconds")
        figures += [
            Figure(
                f"{verb}, {count} clips: rate of Ray over local",
                seconds["local"] / seconds["ray"],
                "times",
                at_least=0.8,
            ),
            Figure(f"{verb}: local", seconds["local"], "s"),
            Figure(f"{verb}: Ray, its start included", seconds["ray"], "s"),
            Figure(f"{verb}: peak of Ray, all its processes", max(u.peak_rss for u in runs["ray"]) / MB, "MB"),
        ]
    notes = [
        f"clips of {SHORT_FRAMES} frames, 640 x 360; tiny ones of {RAY_FRAMES} frames, 96 x 96",
        "two workers each; Ray is started and ended by every command",
    ]
    return RowResult("Ray against local processes", figures, notes=notes, details=details)


def _alternate(context: RowContext, name: str, arms: dict[str, list[str]], repetitions: int) -> dict[str, list[Usage]]:
    """Commands in turns; the order is reversed each time, so that a machine that slows down affects both alike."""
    runs: dict[str, list[Usage]] = {arm: [] for arm in arms}
    for number in range(repetitions):
        order = list(arms) if number % 2 == 0 else list(arms)[::-1]
        for position, arm in enumerate(order):
            context.cancel.check()
            done = number * len(arms) + position
            context.progress(Progress(name, done, repetitions * len(arms), "runs", arm))
            runs[arm].append(measure_clean(arms[arm], context.work / "job-output"))
    context.progress(Progress(name, repetitions * len(arms), repetitions * len(arms), "runs"))
    return runs


def measure_clean(command: list[str], output: Path) -> Usage:
    """What a command costs that begins with nothing; its output is removed.

    Raises:
        EffigieError: it failed.
    """
    shutil.rmtree(output, ignore_errors=True)
    usage = measure_command([*COMMAND, *command, "-o", str(output)])
    shutil.rmtree(output, ignore_errors=True)
    if usage.exit_code:
        raise EffigieError(f"`effigie {command[0]}` failed in the bench: {usage.output.splitlines()[-1:]}")
    return usage


def _medians(runs: dict[str, list[Usage]], name: str) -> dict[str, float]:
    """Arm -> the median of an attribute."""
    return {arm: statistics.median(getattr(use, name) for use in done) for arm, done in runs.items()}


def _details(runs: dict[str, list[Usage]]) -> dict[str, list[dict[str, float]]]:
    return {
        arm: [
            {
                "seconds": use.seconds,
                "processor_seconds": use.processor_seconds,
                "peak_rss": use.peak_rss,
                "processes": use.processes,
            }
            for use in done
        ]
        for arm, done in runs.items()
    }
