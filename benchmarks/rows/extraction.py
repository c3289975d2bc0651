"""Row: speed of extraction relative to a plain loop, and to decoding and landmarks alone."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import effigie
from benchmarks.extract_floor import floor_rate
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.plain_extract import plain_extract
from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.evaluate.report.figures import Figure
from effigie.execution import available_cores
from effigie.progress import Progress

REPETITIONS = 3


def extraction(context: RowContext) -> RowResult:
    """Frames a second of all three over the same clips, in turns; medians of the repetitions."""
    fetch_assets(REQUIRED_ASSETS)
    short, repetitions = context.material.short_clips(), REPETITIONS
    if context.quick:
        short, repetitions = short[:4], 1
    long = short[0] if context.quick else context.material.long_clip()
    figures, details = [], {}
    for name, clips in (("one long clip", [long]), (f"{len(short)} short clips", short)):
        ours: list[float] = []
        plain: list[float] = []
        floor: list[float] = []
        for number in range(repetitions):
            context.progress(Progress(name, number, repetitions, "repetitions"))
            context.cancel.check()
            plain.append(_plain(clips, context.work))
            context.cancel.check()
            ours.append(_ours(clips, context))
            context.cancel.check()
            floor.append(floor_rate(clips, available_cores()))
        context.progress(Progress(name, repetitions, repetitions, "repetitions"))
        fast, slow, least = (statistics.median(rates) for rates in (ours, plain, floor))
        figures += [
            Figure(f"{name}: effigie over plain loop", fast / slow, "times", at_least=2),
            Figure(f"{name}: of decoding and landmarks alone", 100 * fast / least, "%", at_least=60),
            Figure(f"{name}: effigie", fast, "frames/s"),
            Figure(f"{name}: plain loop", slow, "frames/s"),
            Figure(f"{name}: decoding and landmarks alone", least, "frames/s"),
        ]
        details[name] = {"effigie": ours, "plain": plain, "floor": floor}
    notes = ["decoding and landmarks alone: a process a core, their start left out; effigie's is counted"]
    return RowResult("Extraction", figures, notes=notes, details=details)


def _ours(clips: Sequence[Path], context: RowContext) -> float:
    output = context.work / "extraction.faces"
    shutil.rmtree(output, ignore_errors=True)
    begun = time.perf_counter()
    settings = effigie.ExtractSettings(size=256)  # the plain loop's: its work must be the same
    report = effigie.extract(clips, output, settings, cancel=context.cancel)
    seconds = time.perf_counter() - begun
    shutil.rmtree(output, ignore_errors=True)
    return report.frames / seconds


def _plain(clips: Sequence[Path], work: Path) -> float:
    output = work / "extraction.plain"
    shutil.rmtree(output, ignore_errors=True)
    report = plain_extract(clips, output)
    shutil.rmtree(output, ignore_errors=True)
    return report.rate
