"""Row: ten thousand clips: memory is constant, nothing is lost or done twice, also after a kill."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.speed_model import speed_model
from benchmarks.fixtures.tiny import tiny_clips
from benchmarks.rows.jobs import COMMAND
from effigie.errors import EffigieError
from effigie.evaluate.report.figures import YES, Figure
from effigie.faceset import FaceSet
from effigie.progress import Progress

EXTRACTED, CONVERTED, FRAMES = 10_000, 400, 4
KILLED_AT = 0.4  # of the clips
LOOK_S = 1.0
MB = 1e6


@dataclass(frozen=True)
class Snapshot:
    """A running command: clips done, and bytes of all its processes and of the first of them."""

    done: int
    whole: int
    caller: int


def many_clips(context: RowContext) -> RowResult:
    """``effigie extract`` over 10,000 tiny clips and ``effigie convert`` over 400: killed on the way, and run again."""
    count = 60 if context.quick else EXTRACTED
    few = 8 if context.quick else CONVERTED
    folder = tiny_clips(context, count, FRAMES)
    chosen = sorted(folder.rglob("*.mp4"))
    figures, details = [], {}

    faces = context.work / "many.faces"
    command = ["extract", str(folder), "--size", "64", "--smallest", "1", "--workers", "2"]
    killed, looks, seconds = _run_with_kill(context, "extract", command, faces, "part-*.parquet", count)
    found = FaceSet.open(faces)
    hashes = Counter(source.sha256 for source in found.sources.values())
    whole = [source.frames == FRAMES for source in found.sources.values()]
    figures += [
        Figure(f"extract, {count} clips: lost", count - len(hashes), "", at_most=0),
        Figure("extract: done twice", sum(hashes.values()) - len(hashes), "", at_most=0),
        Figure("extract: every frame of every clip looked at", float(np.mean(whole)), YES, at_least=1),
        Figure("extract: done when the caller was killed, and kept", killed, ""),
        Figure("extract: clips a second, the second run", (count - killed) / seconds, "/s"),
        *_memory("extract", looks),
    ]
    details["extract"] = [vars(look) for look in looks]
    shutil.rmtree(faces, ignore_errors=True)

    swapped = context.work / "many.swapped"
    command = ["convert", str(speed_model(context)), *map(str, chosen[:few]), "--person", "0", "--workers", "2"]
    killed, looks, seconds = _run_with_kill(context, "convert", command, swapped, "*.mp4", few)
    names = {path.stem for path in swapped.glob("*.mp4")}
    figures += [
        Figure(f"convert, {few} clips: lost", few - len(names), "", at_most=0),
        Figure("convert: done when the caller was killed, and kept", killed, ""),
        Figure("convert: clips a second, the second run", (few - killed) / seconds, "/s"),
        *_memory("convert", looks),
    ]
    details["convert"] = [vars(look) for look in looks]
    shutil.rmtree(swapped, ignore_errors=True)
    notes = [
        f"clips of {FRAMES} frames, 96 x 96, two workers; the caller is killed at {100 * KILLED_AT:.0f} % and "
        "the same command run again; memory is that of the second run, clip counts those of both"
    ]
    return RowResult("Many clips", figures, notes=notes, details=details)


def _memory(verb: str, looks: list[Snapshot]) -> list[Figure]:
    """The mean of the last fifth over that of the second fifth: workers have their networks by then."""
    parts = np.array_split(np.array([[look.done, look.whole, look.caller] for look in looks], float), 5)
    early, late = parts[1].mean(axis=0), parts[4].mean(axis=0)
    clips = max(1.0, late[0] - early[0])
    return [
        Figure(f"{verb}: memory at the end over near the beginning", late[1] / early[1], "times", at_most=1.1),
        Figure(f"{verb}: peak, all processes", max(look.whole for look in looks) / MB, "MB"),
        Figure(f"{verb}: the caller's growth a clip", (late[2] - early[2]) / clips / 1e3, "KB"),
    ]


def _run_with_kill(
    context: RowContext, verb: str, command: list[str], output: Path, pattern: str, count: int
) -> tuple[int, list[Snapshot], float]:
    """Run, kill the caller on the way, run again: clips kept, what the second run looked like, and its seconds."""
    shutil.rmtree(output, ignore_errors=True)
    _watch_command(context, f"{verb}, to be killed", command, output, pattern, count, KILLED_AT)
    kept = len(list(output.glob(pattern)))
    if kept >= count:
        raise EffigieError(f"`effigie {verb}` was through before it could be killed: take more clips")
    begun = time.monotonic()
    looks = _watch_command(context, verb, command, output, pattern, count)
    return kept, looks, time.monotonic() - begun


def _watch_command(
    context: RowContext,
    verb: str,
    command: list[str],
    output: Path,
    pattern: str,
    count: int,
    kill_at: float | None = None,
) -> list[Snapshot]:
    """Looks at a command as it runs, to its end, or to where it is killed."""
    looks = []
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            [*COMMAND, *command, "-o", str(output)],
            stdout=printed,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                context.cancel.check()
                time.sleep(LOOK_S)
                done = len(list(output.glob(pattern)))
                context.progress(Progress(verb, done, count, "clips"))
                if kill_at is not None and done >= kill_at * count:
                    process.kill()
                    process.wait()
                    break
                with contextlib.suppress(psutil.Error):
                    root = psutil.Process(process.pid)
                    family = [root, *root.children(recursive=True)]
                    sizes = [one.memory_info().rss for one in family]
                    looks.append(Snapshot(done, sum(sizes), sizes[0]))
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode and kill_at is None:
            printed.seek(max(0, printed.seek(0, os.SEEK_END) - 2000))
            said = printed.read().decode("utf-8", "replace").strip().splitlines()
            raise EffigieError(f"`effigie {verb}` failed in the bench: {said[-1:]}")
    return looks
