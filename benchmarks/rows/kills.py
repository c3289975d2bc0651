"""Row: every command killed at random moments: no torn file, no finished work lost, a rerun succeeds."""

from __future__ import annotations

import collections
import contextlib
import multiprocessing
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.fixtures.kill_verbs import FRAMES, VERBS
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.small import ResultLog, SmallMaterial, create_small_material, isolated_home, shrink_clip
from effigie.errors import EffigieError
from effigie.evaluate.report.figures import Figure
from effigie.execution import available_cores
from effigie.progress import Progress

COUNT, QUICK_COUNT = 200, 10
ORPHANS_S = 10.0  # workers end by themselves within so many seconds of their caller's death
LONGEST_S = 600.0
TRIES = 4  # a run that ends before its moment has come is begun again
PRELOADED = (
    *("effigie.extraction.segment", "effigie.swap.trainer", "effigie.swap.inference.convert"),
    *("effigie.heads.finetune.trainer", "effigie.heads.inference.animation", "effigie.training"),
)


@dataclass(frozen=True)
class Kill:
    """Result of one kill.

    Attributes:
        verb, number: which; ``number`` is also the seed.
        after: seconds from the start of the verb to the kill, and how long it takes unkilled.
        torn: what was visible and not whole after the kill; empty if nothing.
        lost: what was wrong after the run that followed.
        outlived: processes that were there 10 s after the kill.
    """

    verb: str
    number: int
    after: float
    whole: float
    torn: str = ""
    lost: str = ""
    outlived: int = 0

    @property
    def bad(self) -> bool:
        return bool(self.torn or self.lost or self.outlived)


def kills(context: RowContext) -> RowResult:
    """SIGKILL to verbs in processes forked from one that has imported everything, so that only work is killed."""
    work = context.work / "kills"
    count = QUICK_COUNT if context.quick else COUNT
    with isolated_home(work / "home"):
        things = create_small_material(work, context.progress, context.cancel)
        _clips(things)
        references = {verb: _reference(verb, things, work) for verb in VERBS}
        order = [(list(VERBS)[number % len(VERBS)], number) for number in range(count)]
        known = ResultLog(work / "kills.jsonl")
        found = [Kill(**known.found[str(case)]) for case in order if str(case) in known.found]
        waiting = [case for case in order if str(case) not in known.found]
        enough = threading.Event()

        def one(case: tuple[str, int]) -> None:
            if context.cancel.is_requested or enough.is_set():
                return
            kill = _killed(*case, things, work, references[case[0]])
            known.add(str(case), asdict(kill))
            found.append(kill)
            bad = sum(kill.bad for kill in found)
            context.progress(Progress("kill", len(found), count, "kills", f"{bad} bad"))

        with ThreadPoolExecutor(max(1, available_cores())) as lanes:
            try:
                list(lanes.map(one, waiting))
            finally:  # Ctrl-C, or a case that failed
                enough.set()
        context.cancel.check()
    return _result(found, references)


def _clips(things: SmallMaterial) -> None:
    """Three clips of a quarter of a second."""
    folder = things.model.parent / "kill-clips"
    folder.mkdir(exist_ok=True)
    woman, man = things.clips
    shrink_clip(man, folder / "man.mp4", 0, FRAMES)
    shrink_clip(woman, folder / "woman-a.mp4", 0, FRAMES)
    shrink_clip(woman, folder / "woman-b.mp4", FRAMES, 2 * FRAMES)


def _reference(verb: str, things: SmallMaterial, work: Path) -> tuple[Path, float]:
    """The verb without a kill: its folder, and how many seconds it takes."""
    folder = work / f"{verb}-reference-0"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    VERBS[verb].prepare(things, folder)
    _ended(verb, things, folder)  # the first one imports what is left, and fetches
    shutil.rmtree(folder)
    folder.mkdir()
    VERBS[verb].prepare(things, folder)
    begun = time.monotonic()
    code = _ended(verb, things, folder)
    if code:
        raise EffigieError(f"{verb} fails in the bench without a kill: {_log(folder)}")
    return folder, time.monotonic() - begun


def _killed(verb: str, number: int, things: SmallMaterial, work: Path, reference: tuple[Path, float]) -> Kill:
    wanted, whole = reference
    random = np.random.default_rng(number)
    folder = work / f"{verb}-{number}"
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        VERBS[verb].prepare(things, folder)
        after = float(random.uniform(0, whole))
        process = _started(verb, things, folder)
        process.join(after)
        if process.exitcode is None:
            break
    process.kill()
    process.join()
    outlived = _outlived(folder)
    torn = lost = ""
    finished: dict[str, Any] = {}
    try:
        finished = VERBS[verb].check_killed(folder)
    except Exception:
        torn = traceback.format_exc()
    complete = verb == "tune" and bool(finished)  # a person that is whole is not tuned again
    code = 0 if complete else _ended(verb, things, folder)
    try:
        assert not code, f"the rerun ended with {code}: {_log(folder)}"
        VERBS[verb].check_done(folder, wanted, finished)
        left = [path.name for path in folder.rglob(".*") if "home" not in path.parts]
        assert complete or not left, f"left behind: {left}"
    except Exception:
        lost = traceback.format_exc()
    if not (torn or lost):
        shutil.rmtree(folder, ignore_errors=True)
    return Kill(verb, number, after, whole, torn, lost, outlived)


def _started(verb: str, things: SmallMaterial, folder: Path) -> Any:
    if "forkserver" in multiprocessing.get_all_start_methods():
        context: Any = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
    else:
        context = multiprocessing.get_context("spawn")
    process = context.Process(target=_run, args=(verb, things, folder))
    process.start()
    return process


def _ended(verb: str, things: SmallMaterial, folder: Path) -> int:
    process = _started(verb, things, folder)
    process.join(LONGEST_S)
    if process.exitcode is None:
        process.kill()
        process.join()
    return int(process.exitcode or 0)


def _run(verb: str, things: SmallMaterial, folder: Path) -> None:
    """In a process of its own: the verb, as a user would run it in ``folder``."""
    os.chdir(folder)  # by which its workers are told from those of others
    os.environ["EFFIGIE_HOME"] = str(folder / "home")  # keys, certificate and ledger are begun anew, and killed too
    import torch

    torch.set_num_threads(1)
    try:
        VERBS[verb].run(things, folder)
    except BaseException:
        (folder / "log").write_text(traceback.format_exc(), encoding="utf-8")
        sys.exit(1)


def _log(folder: Path) -> str:
    with contextlib.suppress(OSError):
        lines = (folder / "log").read_text(encoding="utf-8").strip().splitlines()
        return " / ".join(lines[-3:])
    return "without a word"


def _outlived(folder: Path) -> int:
    """How many processes that work in a folder are there some seconds after their caller was killed."""
    until = time.monotonic() + ORPHANS_S
    while True:
        found = 0
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                found += Path(process.cwd()) == folder.absolute() and process.status() != psutil.STATUS_ZOMBIE
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.1)


def _result(found: Sequence[Kill], references: dict[str, tuple[Path, float]]) -> RowResult:
    each = collections.Counter(kill.verb for kill in found)
    figures = [
        Figure("kills", len(found)),
        Figure("corrupted outputs", sum(bool(kill.torn) for kill in found), at_most=0),
        Figure(
            "finished work lost, or a rerun that does not come to the same", sum(bool(k.lost) for k in found), at_most=0
        ),
        Figure("processes that outlived their caller", sum(kill.outlived for kill in found), at_most=0),
    ]
    spread = {verb: np.histogram([k.after / k.whole for k in found if k.verb == verb], 4, (0, 1))[0] for verb in each}
    notes = [
        f"{verb}: {each[verb]} kills of a run of {references[verb][1]:.1f} s, by quarters of it "
        f"{', '.join(map(str, spread[verb]))}"
        for verb in each
    ]
    return RowResult("Kills", figures, notes=notes, details={"faults": [asdict(k) for k in found if k.bad]})
