"""Calls that may hang or crash, each in a process that is watched and replaced when it does."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from effigie.errors import EffigieError, RefusedError
from effigie.progress import Cancel

START_S = 300.0  # a process may take so long to import and to set up

Ask = Callable[[Any, Callable[[], None]], str]
"""Does a task; calls the second argument while it gets on; returns what came of it in a word or two."""


@dataclass(frozen=True)
class Outcome:
    """How a call ended.

    Attributes:
        task: what was asked.
        how: ``done``, ``refused`` (an EffigieError of one line), ``traceback``, ``hang`` or ``crash``.
        said: what it returned, or the error.
        megabytes: the most memory that the process has had.
    """

    task: Any
    how: str
    said: str
    megabytes: float = 0.0


def watch(
    prepare: Callable[..., Ask],
    arguments: Sequence[Any],
    tasks: Sequence[Any],
    lanes: int,
    limit_s: float,
    cancel: Cancel,
    told: Callable[[Outcome], None],
) -> None:
    """Do tasks in ``lanes`` processes, each set up by ``prepare(*arguments, lane)``; ``told`` hears of each.

    Args:
        prepare: importable; gives what does a task.
        limit_s: a task that has not got on for so long hangs: its process is killed.

    Raises:
        Cancelled: as asked.
    """
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    lock, enough = threading.Lock(), threading.Event()

    def work(lane: int) -> None:
        process = _Process(prepare, (*arguments, lane))
        try:
            while not (cancel.requested or enough.is_set()):
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                outcome = process.ask(task, limit_s)
                with lock:
                    told(outcome)
        finally:
            process.end()

    with ThreadPoolExecutor(lanes) as pool:
        try:
            for future in [pool.submit(work, lane) for lane in range(lanes)]:
                future.result()
        finally:  # Ctrl-C, or a lane that failed
            enough.set()
    cancel.check()


class _Process:
    """A process that does one task after another, begun at the first and anew after a crash."""

    def __init__(self, prepare: Callable[..., Ask], arguments: tuple[Any, ...]) -> None:
        self._prepare, self._arguments = prepare, arguments
        self._process: Any = None
        self._talk: Connection | None = None

    def ask(self, task: Any, limit_s: float) -> Outcome:
        if self._process is None:
            self._begin()
        assert self._talk is not None
        try:
            self._talk.send(task)
            while True:
                if not self._talk.poll(limit_s):
                    self.end()
                    return Outcome(task, "hang", f"nothing for {limit_s:.0f} s")
                answer = self._talk.recv()
                if answer is not None:
                    return Outcome(task, *answer)
        except (EOFError, OSError):
            self._process.join(10)
            code = self._process.exitcode
            self.end()
            return Outcome(task, "crash", f"exit code {code}")

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _begin(self) -> None:
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_serve, args=(theirs, self._prepare, self._arguments))
        self._process.start()
        theirs.close()
        self._talk = ours
        if not ours.poll(START_S):
            self.end()
            raise EffigieError("a process of the bench did not start in time")
        try:
            problem = ours.recv()
        except EOFError:
            problem = "it died"
        if problem is not None:
            self.end()
            raise EffigieError(f"a process of the bench cannot be set up: {problem}")


def _serve(talk: Connection, prepare: Callable[..., Ask], arguments: tuple[Any, ...]) -> None:
    try:
        ask = prepare(*arguments)
    except Exception:
        talk.send(traceback.format_exc())
        return
    talk.send(None)
    stray: list[str] = []  # errors of threads, which nobody else hears of
    threading.excepthook = lambda found: stray.append(
        f"in a thread: {found.exc_type.__name__}: {found.exc_value}"
    )
    sys.unraisablehook = lambda found: stray.append(f"in a finaliser: {found.exc_value!r}")
    for task in _tasks(talk):
        try:
            how, said = "done", ask(task, lambda: talk.send(None))
        except EffigieError as error:
            how, said = "refused", f"{type(error).__name__}: {error}"
            if isinstance(error, RefusedError):
                said = f"by the gate: {error}"
            if "\n" in said:
                how, said = "traceback", f"an error of several lines: {said!r}"
        except BaseException:
            how, said = "traceback", traceback.format_exc()
        if stray:
            how, said = "traceback", stray.pop()
            stray.clear()
        talk.send((how, said, _peak() / 1e6))


def _peak() -> int:
    """Bytes, the most that this process has had; where the system does not tell, what it has now."""
    if psutil.LINUX:
        with contextlib.suppress(OSError, StopIteration, ValueError):
            status = Path("/proc/self/status").read_text(encoding="ascii")
            return 1024 * next(
                int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")
            )
    return int(psutil.Process().memory_info().rss)


def _tasks(talk: Connection) -> Iterator[Any]:
    while True:
        try:
            yield talk.recv()
        except EOFError:
            return
