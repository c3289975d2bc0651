"""Row: two hours of 8K at 120 frames a second beside a minute of it: memory, and the times at the end."""

from __future__ import annotations

import sys
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from benchmarks.fixtures.long_clip import write_long_clip
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.speed_model import speed_model
from benchmarks.memory import Usage, measure_command
from effigie.assets import fetch_asset
from effigie.errors import EffigieError
from effigie.evaluate.report.figures import Figure
from effigie.io.atomic_write import discard
from effigie.media import VideoReader
from effigie.progress import Progress

MB = 1e6
SIZE, QUICK_SIZE = (7680, 4320), (960, 540)
RATE = 120
MINUTE_S, LONG_S, QUICK_LONG_S = 60, 7200, 600
LAST, FIRST = 12, 12
"""Frames that are read at the end, and that are converted at the beginning."""
READ_END = (
    "import sys\n"
    "from effigie.media import VideoReader\n"
    "with VideoReader(sys.argv[1], start=int(sys.argv[2])) as reader:\n"
    "    print(*(f'{frame.index}:{frame.time}' for frame in reader), sep=' ')\n"
)


def long_clips(context: RowContext) -> RowResult:
    """Peak resident memory of reading the end and of converting the beginning, and how far off the last times are.

    All frames of such a clip are hours of decoding. That memory does not grow with what has been read is the row
    ``memory``'s to show; here it is that nothing grows with what there is to read.
    """
    size, seconds = (QUICK_SIZE, QUICK_LONG_S) if context.quick else (SIZE, LONG_S)
    model = speed_model(context)
    with VideoReader(fetch_asset("sample_woman"), stop=1) as reader:
        picture = next(iter(reader)).image
    peaks: dict[tuple[str, int], int] = {}
    details = {}
    worst = Fraction(0)
    for position, length in enumerate((MINUTE_S, seconds)):
        context.cancel.check()
        context.progress(Progress("long clips", position, 2, "clips", f"{length} s"))
        clip = write_long_clip(picture, context.work / f"long-{length}.mp4", size, RATE, length)
        for verb, usage in (("the end read", _read_end(clip, length)), ("convert", _convert(clip, model))):
            peaks[verb, length] = usage.peak_rss
            details[f"{verb}, {length} s"] = asdict(usage)
            if verb == "the end read":
                worst = max(worst, _find_worst(usage.output, length * RATE))
        clip.unlink()
    shape = f"{size[0]}x{size[1]}, {RATE} frames/s"
    figures = [Figure("the last frames' times: off by at most", float(worst), "s", at_most=0)]
    for verb in ("the end read", "convert"):
        ratio = peaks[verb, seconds] / peaks[verb, MINUTE_S]
        figures += [
            Figure(f"{verb}: memory of {seconds / 3600:.3g} hours over that of a minute", ratio, "times", at_most=1.05),
            Figure(f"{verb}: peak", peaks[verb, seconds] / MB, "MB"),
        ]
    notes = [f"{shape}; the last {LAST} frames are read, the first {FIRST} converted"]
    return RowResult("Long clips", figures, notes=notes, details=details)


def _read_end(clip: Path, seconds: int) -> Usage:
    first = seconds * RATE - LAST
    usage = measure_command([sys.executable, "-c", READ_END, str(clip), str(first)])
    if usage.exit_code:
        raise EffigieError(f"the end of {clip.name} is not read: {usage.output.splitlines()[-1:]}")
    return usage


def _find_worst(printed: str, frames: int) -> Fraction:
    """Seconds by which a frame's time differs from its number over the rate.

    Raises:
        EffigieError: not all of the frames were read.
    """
    found = {int(number): Fraction(time) for number, time in (item.split(":") for item in printed.split())}
    if set(found) != set(range(frames - LAST, frames)):
        raise EffigieError(f"frames {sorted(found)} were read, not the last {LAST} of {frames}")
    return max(abs(time - Fraction(number, RATE)) for number, time in found.items())


def _convert(clip: Path, model: Path) -> Usage:
    output = clip.with_suffix(".made.mp4")
    command = [sys.executable, "-m", "effigie", "convert", str(model), str(clip), "-o", str(output)]
    usage = measure_command([*command, "--frames", str(FIRST)])
    if usage.exit_code:
        raise EffigieError(f"{clip.name} is not converted: {usage.output.splitlines()[-1:]}")
    discard(output)
    return usage
