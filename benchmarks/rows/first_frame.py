"""Row: seconds from a command to its first frame, of extract, convert and animate, and to verify's answer."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import effigie
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.small import isolated_home
from benchmarks.machine import load_average
from effigie.assets import ASSETS, fetch_asset
from effigie.evaluate.report.figures import Figure
from effigie.io.atomic_write import discard
from effigie.media import VideoReader
from effigie.media.pictures.writer import write_still
from effigie.progress import Progress

RUNS, QUICK_RUNS = 5, 1
AT_MOST_S = {"convert": 4.0, "animate": 4.0, "extract": 3.0, "verify": 1.5}
BEFORE = "EFFIGIE_BENCH_BEFORE"
"""Environment variable: the ``src`` folder of another commit, measured in turn with this one."""
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "DNNL_MAX_CPU_ISA": "AVX2"}


def first_frame(context: RowContext) -> RowResult:
    """Commands in processes of their own, on a machine that has run them: the disk is warm, what is kept is there.

    Networks may use AVX2 at most, as most machines have it. What other programs on the machine take shows in the wall
    clock, hardly in the seconds of CPU.
    """
    work = context.work / "first-frame"
    work.mkdir(parents=True, exist_ok=True)
    trees = {"": Path(effigie.__file__).parents[1]}
    if os.environ.get(BEFORE):
        trees["before: "] = Path(os.environ[BEFORE])
    runs = QUICK_RUNS if context.quick else RUNS
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    with isolated_home(work / "home"):
        commands = _prepare(context, work)
        for number in range(runs + 1):  # the first one leaves what is measured once
            for verb, command in commands.items():
                for tree, source in trees.items():
                    context.cancel.check()
                    measured = _measure(work, source, verb, command)
                    if number:
                        found.setdefault((tree, verb), []).append(measured)
            context.progress(Progress("first frame", number, runs, "runs"))
    return _summarize(found)


def _prepare(context: RowContext, work: Path) -> dict[str, Sequence[object]]:
    """Verb -> its arguments."""
    from effigie.consent import new_consent
    from effigie.media import EncodeSettings
    from effigie.swap import ConvertSettings, SwapSettings, convert, train

    woman, man = fetch_asset("sample_woman"), fetch_asset("sample_man")
    faces = [work / "woman.faces", work / "man.faces"]
    for clip, path in zip((woman, man), faces, strict=True):
        effigie.extract([clip], path, progress=context.progress, cancel=context.cancel)
    record, portrait, model, made = (work / name for name in ("consent.json", "portrait.png", "model", "made.mp4"))
    if not record.is_file():
        terms = ASSETS["sample_woman"].license
        new_consent("the woman of the samples", [woman], ("swap", "animate"), basis=terms, evidence=[woman]).save(
            record
        )
    if not portrait.is_file():
        with VideoReader(woman, stop=1) as reader:
            write_still(portrait, next(iter(reader)).image)
    train(faces[0], faces[1], model, SwapSettings(steps=2, batch=2), consent=record, progress=context.progress)
    if not made.is_file():
        convert(model, man, made, ConvertSettings(encode=EncodeSettings(keep_audio=False)), progress=context.progress)
    few = ("--frames", 6, "--force")
    return {
        "convert": (model, man, "-o", work / "out.mp4", *few),
        "animate": (portrait, "--driver", man, "-o", work / "animated.mp4", "--consent", record, *few),
        "extract": (man, "-o", work / "out.faces"),
        "verify": (made, "--until-end"),
    }


def _measure(work: Path, source: Path, verb: str, command: Sequence[object]) -> dict[str, float]:
    """Seconds of wall clock and of CPU until the first frame."""
    report = work / "report.json"
    for path in (report, work / "out.faces"):
        discard(path)
    here = Path(__file__).resolve().parents[2]
    environment = os.environ | AVX2 | {"PYTHONPATH": f"{source}{os.pathsep}{here}"}
    probe = [sys.executable, "-m", "benchmarks.fixtures.first_frame_probe", str(report)]
    subprocess.run(
        [*probe, str(time.time()), "--progress", "none", verb, *map(str, command)],
        env=environment,
        check=True,
        capture_output=True,
    )
    measured: dict[str, float] = json.loads(report.read_text(encoding="utf-8"))
    shutil.rmtree(work / "out.faces", ignore_errors=True)
    return measured


def _summarize(found: dict[tuple[str, str], list[dict[str, float]]]) -> RowResult:
    figures, seconds = [], []
    for (tree, verb), runs in sorted(found.items()):
        what = "answer" if verb == "verify" else "first frame"
        wall, cpu = (statistics.median(run[name] for run in runs) for name in ("wall_s", "cpu_s"))
        limit = None if tree else AT_MOST_S[verb]
        figures.append(Figure(f"{tree}{verb}: {what}", wall, "s", at_most=limit))
        seconds.append(f"{cpu:.1f} s")
    load = load_average()
    notes = [] if load is None else [f"load of the machine at the end: {load:.1f}, of {os.cpu_count()} cores"]
    details = {f"{tree}{verb}": runs for (tree, verb), runs in found.items()}
    return RowResult("First frame", figures, {"CPU": seconds}, notes, details)
