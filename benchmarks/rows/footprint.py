"""Row: memory of extract and convert, and that it does not grow with the length of the clip."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.fixtures.cuts import loop_clip
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.speed_model import speed_model
from benchmarks.memory import Usage, measure_command
from effigie.assets import fetch_asset
from effigie.errors import EffigieError
from effigie.evaluate.report.figures import Figure
from effigie.progress import Progress

MB = 1e6
LONGER = 10
COMMAND = (sys.executable, "-c", "from effigie.cli import main; main()")


def footprint(context: RowContext) -> RowResult:
    """Peak resident memory of the command line's whole process tree, for a clip and for the clip looped."""
    times = 2 if context.quick else LONGER
    clip = fetch_asset("sample_woman")
    # Both are written here the same way, so that they differ in nothing but length.
    clips = {1: loop_clip(clip, context.work / "once.mp4", 1)}
    clips[times] = loop_clip(clip, context.work / f"looped-{times}.mp4", times)
    model = speed_model(context)
    figures, details = [], {}
    for verb in ("extract", "convert"):
        peaks: dict[int, int] = {}
        once: list[int] = []
        for position, (count, path) in enumerate(clips.items()):
            context.cancel.check()
            context.progress(Progress(f"memory of {verb}", position, len(clips), "clips", f"{count} times"))
            usage = _measure(verb, path, model, context.work)
            peaks[count] = usage.peak_rss
            once += [] if usage.peak_pss is None else [usage.peak_pss]
            details[f"{verb} {count}x"] = asdict(usage)
        figures += [
            Figure(f"{verb}: peak", max(peaks.values()) / MB, "MB", at_most=1000),
            Figure(f"{verb}: {times} times the clip over the clip", peaks[times] / peaks[1], "times", at_most=1.05),
        ]
        if once:
            figures.append(Figure(f"{verb}: peak, shared pages counted once", max(once) / MB, "MB"))
    return RowResult("Memory", figures, details=details)


def _measure(verb: str, clip: Path, model: Path, work: Path) -> Usage:
    output = work / ("memory.faces" if verb == "extract" else "memory.mp4")
    shutil.rmtree(output, ignore_errors=True)
    output.unlink(missing_ok=True)
    arguments = [verb, str(clip)] if verb == "extract" else [verb, str(model), str(clip)]
    usage = measure_command([*COMMAND, *arguments, "-o", str(output)])
    if usage.exit_code:
        raise EffigieError(f"`effigie {verb}` failed in the bench: {usage.output.splitlines()[-1:]}")
    shutil.rmtree(output, ignore_errors=True)
    output.unlink(missing_ok=True)
    return usage
