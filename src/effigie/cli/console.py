"""What the verbs share: consoles, the progress display with rate and time left, and JSON for machines."""

from __future__ import annotations

import contextlib
import json
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

from effigie.progress import Cancel, Progress, ProgressCallback

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


@contextlib.contextmanager
def progress_display() -> Iterator[ProgressCallback]:
    """A callback that draws one bar per stage on standard error, with rate and time left.

    Without a terminal it writes a plain line per stage and tenth instead, so that logs stay readable.
    """
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
    OUT.print(line, soft_wrap=True, markup=False, highlight=False)


def counted(number: int, thing: str) -> str:
    """``1 clip``, ``2 clips``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def complain(line: str) -> None:
    """Write a line to standard error, begun with the program's name, as shells do."""
    ERRORS.print(f"effigie: {line}", soft_wrap=True, markup=False, highlight=False)


def print_json(value: Any) -> None:
    """Write ``value`` to standard output as JSON, and nothing else."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))
