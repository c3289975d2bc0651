"""Progress reporting: a bar for people, lines for logs, JSON lines for programs, a status file for monitors."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Display
from rich.text import Text

from effigie.errors import UsageError
from effigie.io.atomic_write import JSON_ESCAPES, atomic_write
from effigie.progress import Progress, ProgressCallback

STYLES = ("auto", "bar", "lines", "json", "none")
REPORT_INTERVAL_S = 1.0  # between two JSON lines, and two states of a status file
WINDOW_S = 60.0  # over which a rate is measured


class RateMeter:
    """Measures the rate of each stage over the last minute, and the seconds left."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[tuple[float, float]]] = {}

    def __call__(self, progress: Progress) -> dict[str, Any]:
        """State of a stage as JSON values; rate and seconds left are None until they are known."""
        now = time.monotonic()
        samples = self._samples.setdefault(progress.stage, deque())
        if samples and progress.done < samples[-1][1]:
            samples.clear()  # it began anew
        samples.append((now, progress.done))
        while now - samples[0][0] > WINDOW_S and len(samples) > 2:
            samples.popleft()
        start, first = samples[0]
        passed = now - start
        rate = (progress.done - first) / passed if passed > 0 and progress.done > first else None
        seconds_left = None
        if rate and progress.total is not None:
            seconds_left = max(progress.total - progress.done, 0) / rate
        return {
            "stage": progress.stage,
            "done": progress.done,
            "total": progress.total,
            "unit": progress.unit,
            "rate": None if rate is None else round(rate, 3),
            "left_s": None if seconds_left is None else round(seconds_left, 1),
            "note": progress.note,
        }


@dataclass
class StatusFile:
    """One line of JSON in a file: what runs, where it is, how it ended; replaced whole, at most once a second.

    It says ``running`` until the command ends. After a kill that no process survives it still does, and ``updated``
    grows old: a monitor compares that with the clock, or looks for ``pid``.

    Raises:
        UsageError: the file cannot be written; only when it is begun, for a long run does not end for want of it.
    """

    path: Path
    command: list[str]
    start_time: float = field(default_factory=time.time)
    _last: dict[str, Any] = field(default_factory=dict)
    _write_time: float = float("-inf")

    def __post_init__(self) -> None:
        try:
            self._write("running", "")
        except Exception as error:
            raise UsageError(f"the status cannot be written to {self.path}: {error}") from error

    def report(self, state: dict[str, Any]) -> None:
        """Write a stage's progress, as :class:`RateMeter` returns it."""
        is_new_stage = state["stage"] != self._last.get("stage")
        self._last = state
        if is_new_stage or time.monotonic() - self._write_time >= REPORT_INTERVAL_S:
            with contextlib.suppress(Exception):
                self._write("running", "")

    def end(self, state: str, message: str = "") -> None:
        """Write the final state, ``done``, ``failed`` or ``stopped``, and why."""
        with contextlib.suppress(Exception):
            self._write(state, message)

    def _write(self, state: str, message: str) -> None:
        now = time.time()
        status = {
            "state": state,
            **self._last,
            "message": message,
            "command": self.command,
            "pid": os.getpid(),
            "begun": round(self.start_time, 3),
            "updated": round(now, 3),
        }
        with atomic_write(self.path) as draft:
            # A file name of another locale may hold bytes that are no letters.
            draft.write_text(json.dumps(status, ensure_ascii=False) + "\n", encoding="utf-8", errors=JSON_ESCAPES)
        self._write_time = time.monotonic()


class RateColumn(ProgressColumn):
    """Progress column: units done, total, and rate."""

    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f"/{task.total:.0f}"
        rate = "" if task.speed is None else f"  {task.speed:.1f}/s"
        return Text(f"{task.completed:.0f}{total} {task.fields['unit']}{rate}", style="cyan")


@contextlib.contextmanager
def create_reporter(style: str, console: Console) -> Iterator[ProgressCallback]:
    """A callback that shows progress on ``console`` in one of :data:`STYLES`."""
    if style == "auto":
        style = "bar" if console.is_terminal else "lines"
    if style == "bar":
        with _report_bars(console) as bars:
            yield bars
    else:
        yield {"lines": _report_lines, "json": _report_json, "none": _report_nothing}[style]()


@contextlib.contextmanager
def _report_bars(console: Console) -> Iterator[ProgressCallback]:
    """One bar per stage, with rate and time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        RateColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
    )
    with Display(*columns, console=console, speed_estimate_period=WINDOW_S) as display:
        tasks: dict[str, TaskID] = {}

        def report(progress: Progress) -> None:
            task = tasks.get(progress.stage)
            if task is None:
                task = tasks[progress.stage] = display.add_task(progress.stage, unit=progress.unit, note="")
            display.update(task, completed=progress.done, total=progress.total, note=progress.note)

        yield report


def _report_lines() -> ProgressCallback:
    """A plain line per stage and tenth, so that logs stay readable."""
    last: dict[str, int] = {}
    last_lines: dict[str, str] = {}

    def report(progress: Progress) -> None:
        tenth = int(10 * progress.done / progress.total) if progress.total else 0
        total = "" if progress.total is None else f"/{progress.total:.0f}"
        position = (
            f"{progress.done:.0f}" if progress.done == int(progress.done) else f"{progress.done:.1f}"
        )  # of a clip, part
        line = f"{progress.stage}: {position}{total} {progress.unit} {progress.note}".rstrip()
        # A stage's last word is its result: where the container's count was wrong, it differs from the line before.
        is_end = (
            progress.total is not None and progress.done == progress.total and last_lines.get(progress.stage) != line
        )
        if last.get(progress.stage) != tenth or is_end:
            last[progress.stage], last_lines[progress.stage] = tenth, line
            _write_line(line)

    return report


def _report_json() -> ProgressCallback:
    """A line of JSON per stage and second, and at each stage's end."""
    pace, last = RateMeter(), dict[str, float]()

    def report(progress: Progress) -> None:
        state, now = pace(progress), time.monotonic()
        is_end = progress.total is not None and progress.done >= progress.total
        if is_end or now - last.get(progress.stage, float("-inf")) >= REPORT_INTERVAL_S:
            last[progress.stage] = now
            _write_line(json.dumps(state, ensure_ascii=False))

    return report


def _report_nothing() -> ProgressCallback:
    return lambda progress: None


def _write_line(line: str) -> None:
    """Write a line to standard error; errors of a closed terminal, or one without a letter, are ignored."""
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)
