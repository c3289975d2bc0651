"""What the verbs share: consoles, the progress display with rate and time left, and JSON for machines."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Display
from rich.text import Text

from effigie.errors import UsageError
from effigie.progress import Cancel, Progress, ProgressCallback, silent
from effigie.scale.launch import World, announced

OUT = Console()
ERRORS = Console(stderr=True)
INTERRUPT = Cancel()  # set by Ctrl-C and a polite kill; every long call of a verb looks at it

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


class Rate(ProgressColumn):
    """Units done, of how many, and how many a second."""

    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f"/{task.total:.0f}"
        rate = "" if task.speed is None else f"  {task.speed:.1f}/s"
        return Text(f"{task.completed:.0f}{total} {task.fields['unit']}{rate}", style="cyan")


def place() -> World:
    """This process's place among those that train together; alone, too, where the variables make no sense."""
    try:
        return announced(os.environ)
    except UsageError:
        return World(0, 1, 0, 1)  # whoever needs them complains


def first() -> bool:
    """Whether this is the only process of its command, or the first of several: it alone speaks."""
    return place().leader


@contextlib.contextmanager
def progress_display() -> Iterator[ProgressCallback]:
    """A callback that draws one bar per stage on standard error, with rate and time left.

    Without a terminal it writes a plain line per stage and tenth instead, so that logs stay readable. Of several
    processes that train together the first shows it.
    """
    if not first():
        yield silent
        return
    if not ERRORS.is_terminal:
        yield _plain()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
    )
    with Display(*columns, console=ERRORS, speed_estimate_period=60) as display:
        tasks: dict[str, TaskID] = {}

        def report(progress: Progress) -> None:
            task = tasks.get(progress.stage)
            if task is None:
                task = tasks[progress.stage] = display.add_task(progress.stage, unit=progress.unit, note="")
            display.update(task, completed=progress.done, total=progress.total, note=progress.note)

        yield report


def _plain() -> ProgressCallback:
    last: dict[str, int] = {}

    def report(progress: Progress) -> None:
        tenth = int(10 * progress.done / progress.total) if progress.total else 0
        if last.get(progress.stage) != tenth:
            last[progress.stage] = tenth
            total = "" if progress.total is None else f"/{progress.total:.0f}"
            line = f"{progress.stage}: {progress.done:.0f}{total} {progress.unit} {progress.note}".rstrip()
            print(line, file=sys.stderr, flush=True)

    return report


def say(line: str) -> None:
    """Write a line to standard output as it is: brackets are no markup, and long lines are not broken."""
    if first():
        OUT.print(line, soft_wrap=True, markup=False, highlight=False)


def counted(number: int, thing: str) -> str:
    """``1 clip``, ``2 clips``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def on(processes: int) -> str:
    """`` on 2 processes``; nothing of one."""
    return "" if processes == 1 else f" on {processes} processes"


def complain(line: str) -> None:
    """Write a line to standard error, begun with the program's name, as shells do."""
    here = place()
    who = "effigie" if here.size == 1 else f"effigie: process {here.rank} of {here.size}"
    ERRORS.print(f"{who}: {line}", soft_wrap=True, markup=False, highlight=False)


def print_json(value: Any) -> None:
    """Write ``value`` to standard output as JSON, and nothing else."""
    if first():
        print(json.dumps(value, indent=2, ensure_ascii=False, default=str))
