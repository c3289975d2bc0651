"""Row: speed of conversion, and the share of each stage."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import effigie
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.speed_model import speed_model
from effigie.assets import fetch_asset
from effigie.evaluate.report.figures import Figure
from effigie.media import VideoReader
from effigie.progress import Progress

REPETITIONS = 3


def conversion(context: RowContext) -> RowResult:
    """Frames a second over the sample woman (640x360), as usual and with ``fast`` in turns; of each the median."""
    model = speed_model(context)
    repetitions = 1 if context.quick else REPETITIONS
    max_frames = 24 if context.quick else None
    output = context.work / "conversion.mp4"
    runs: dict[bool, list[tuple[effigie.ConvertReport, float]]] = {False: [], True: []}
    for number in range(repetitions):
        context.progress(Progress("convert", number, repetitions, "repetitions"))
        for fast, done in runs.items():
            begun = time.perf_counter()
            report = effigie.convert(
                model,
                fetch_asset("sample_woman"),
                output,
                effigie.ConvertSettings(max_frames=max_frames, fast=fast),
                cancel=context.cancel,
            )
            done.append((report, time.perf_counter() - begun))
    context.progress(Progress("convert", repetitions, repetitions, "repetitions"))
    output.unlink(missing_ok=True)
    ratios = [usual.seconds / quick.seconds for (usual, _), (quick, _) in zip(*runs.values(), strict=True)]
    report, whole = _middle(runs[False])
    quick, _ = _middle(runs[True])
    spent = sum(report.stages.values())
    gate = _gate_seconds(model)
    rate, limit = report.frames / report.seconds, _decoding_rate(max_frames)
    figures = [
        Figure("convert", rate, "frames/s", at_least=25),
        Figure("decoding alone, the limit", limit, "frames/s"),
        Figure("convert, of the limit", 100 * rate / limit, "%"),
        Figure("convert --fast", quick.frames / quick.seconds, "frames/s", at_least=20),
        Figure("convert --fast, as a multiple, in turns", statistics.median(ratios), ""),
        Figure("convert, loading the model included", report.frames / whole, "frames/s"),
        # As if nothing of it overlapped with other work, so that the true share is smaller.
        Figure("cost of trust, share of the wall time", 100 * (report.stages["trust"] + gate) / whole, "%", at_most=15),
        Figure("of that: the gate, once a clip", gate, "s"),
    ]
    for stage, seconds in sorted(report.stages.items(), key=lambda item: -item[1]):
        figures.append(Figure(f"of the work: {stage}", 100 * seconds / spent, "%"))
        figures.append(Figure(f"{stage}, beside the others", report.frames / seconds, "frames/s"))
    notes = [
        f"{report.frames} frames of 640x360, {report.swapped} swapped; stages overlap: {spent:.1f} s of work "
        f"in {report.seconds:.1f} s"
    ]
    notes.append("trust is gate, mark, fingerprints, signing and ledger")
    details = {
        "seconds": [run.seconds for run, _ in runs[False]],
        "seconds, fast": [run.seconds for run, _ in runs[True]],
        "stages": report.stages,
        "stages, fast": quick.stages,
    }
    return RowResult("Conversion speed, tiny", figures, notes=notes, details=details)


def _middle(runs: list[tuple[effigie.ConvertReport, float]]) -> tuple[effigie.ConvertReport, float]:
    return sorted(runs, key=lambda run: run[0].seconds)[len(runs) // 2]


def _decoding_rate(max_frames: int | None) -> float:
    """Frames a second of reading the clip and doing nothing with it."""
    begun = time.perf_counter()
    with VideoReader(fetch_asset("sample_woman"), stop=max_frames) as reader:
        frames = sum(1 for _ in reader)
    return frames / (time.perf_counter() - begun)


def _gate_seconds(model: Path) -> float:
    """What consent and the look at the footage take, the best of three, networks loaded."""
    from effigie.consent.gate import permit_model
    from effigie.consent.nsfw_detector import check_clip

    times = []
    for _ in range(3):
        begun = time.perf_counter()
        permit_model(model, "swap")
        check_clip(fetch_asset("sample_woman"))
        times.append(time.perf_counter() - begun)
    return min(times)
