"""What the verbs share: consoles, the progress display, and JSON for machines."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console

from effigie.cli.reporting import Pace, StatusFile, reporter
from effigie.errors import Cancelled, UsageError
from effigie.execution.launch import World, announced
from effigie.progress import Cancel, Progress, ProgressCallback, silent

OUT = Console()
ERRORS = Console(stderr=True)
INTERRUPT = Cancel()  # set by Ctrl-C and a polite kill; every long call of a verb looks at it

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


STATUS: StatusFile | None = None
STYLE = "auto"


def choose_reporting(style: str, status: StatusFile | None) -> None:
    """How every later :func:`progress_display` reports: in which style, and into which file besides."""
    global STYLE, STATUS
    STYLE, STATUS = style, status


def end_reporting(code: int, complaint: str) -> None:
    """Say in the status file, if there is one, how the command ended."""
    if STATUS is not None:
        states = {0: "done", Cancelled.exit_code: "stopped"}
        STATUS.end(states.get(code, "failed"), complaint)


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
    """A callback that shows progress on standard error, and keeps the status file if there is one.

    Of several processes that train together the first shows it.
    """
    if not first():
        yield silent
        return
    with reporter(STYLE, ERRORS) as shown:
        if STATUS is None:
            yield shown
            return
        status, pace = STATUS, Pace()

        def report(progress: Progress) -> None:
            status.report(pace(progress))
            shown(progress)

        yield report


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
