"""Console output shared by all verbs: text, progress display and JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from effigie.cli.reporting import RateMeter, StatusFile, create_reporter
from effigie.errors import CancelledError, UsageError
from effigie.execution.launch import RankInfo, read_rank_info
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.progress import format_count as format_count

OUT = Console()
ERRORS = Console(stderr=True)
INTERRUPT = CancelToken()  # set by Ctrl-C and a polite kill; every long call of a verb looks at it
STOPPED_MESSAGE = "stopped; finished work is kept, run the same command to continue"

INTERRUPT_HOLD = threading.Event()  # set while Ctrl-C only sets INTERRUPT
MAX_TABLE_WIDTH = 10_000  # columns; wide enough to measure any table by

STATUS_FILE: StatusFile | None = None
PROGRESS_STYLE = "auto"


def configure_reporting(style: str, status: StatusFile | None) -> None:
    """Set how every later :func:`progress_display` reports: its style, and a status file."""
    global PROGRESS_STYLE, STATUS_FILE
    PROGRESS_STYLE, STATUS_FILE = style, status


def end_reporting(code: int, complaint: str) -> None:
    """Write into the status file, if there is one, how the command ended."""
    if STATUS_FILE is not None:
        states = {0: "done", CancelledError.exit_code: "stopped"}
        STATUS_FILE.end(states.get(code, "failed"), complaint)


def process_rank() -> RankInfo:
    """Rank of this process; that of a single process where the variables make no sense."""
    try:
        return read_rank_info(os.environ)
    except UsageError:
        return RankInfo(0, 1, 0, 1)  # whoever needs them complains


def is_leader() -> bool:
    """Whether this is the only process of its command, or the first of several: it alone speaks."""
    return process_rank().is_leader


@contextlib.contextmanager
def hold_interrupt() -> Iterator[None]:
    """Ctrl-C only sets ``INTERRUPT`` within, for the call that follows to look at; a second one stops at once.

    Trainings load what they need so: stopped before their first step, they still leave a model.
    """
    INTERRUPT_HOLD.set()
    try:
        yield
    finally:
        INTERRUPT_HOLD.clear()


@contextlib.contextmanager
def progress_display() -> Iterator[ProgressCallback]:
    """A callback that shows progress on standard error, and keeps the status file if there is one.

    Of several processes that train together the first shows it.
    """
    if not is_leader():
        yield ignore_progress
        return
    with create_reporter(PROGRESS_STYLE, ERRORS) as display:
        if STATUS_FILE is None:
            yield display
            return
        status, pace = STATUS_FILE, RateMeter()

        def report(progress: Progress) -> None:
            status.report(pace(progress))
            display(progress)

        yield report


def make_streams_safe() -> None:
    """Let standard output and error write what their encoding lacks as escapes, so that no result is lost.

    Windows' code pages, the C locale and ``PYTHONIOENCODING`` give encodings that lack most of the world's file names.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; where the terminal is too narrow for its words, a list. Cells may hold rich's markup."""
    if not is_leader():
        return
    table, table_rows = Table(*columns), [list(row) for row in rows]
    for row in table_rows:
        table.add_row(*row)
    if Measurement.get(OUT, OUT.options.update(max_width=MAX_TABLE_WIDTH), table).minimum <= OUT.width:
        OUT.print(table)
        return
    for row in table_rows:
        first, *details = [
            f"{name}: {cell}" if name else cell for name, cell in zip(columns, row, strict=True) if cell
        ] or [""]
        OUT.print(f"- {first}", soft_wrap=True, highlight=False)
        for cell in details:
            OUT.print(f"  {cell}", soft_wrap=True, highlight=False)


def print_line(line: str) -> None:
    """Write a line to standard output as it is: brackets are no markup, and long lines are not broken."""
    if is_leader():
        OUT.print(line, soft_wrap=True, markup=False, highlight=False)


def print_notes(notes: Iterable[str]) -> None:
    """Print a report's notes."""
    for note in notes:
        print_line(f"note: {note}")


def exit_with_failures(failures: Mapping[str, str]) -> None:
    """Print why clips failed and exit with code 1; goes on if none has."""
    for reason in failures.values():
        print_error(reason)
    if failures:
        raise typer.Exit(1)


def print_error(line: str) -> None:
    """Write a line to standard error, begun with the program's name, as shells do."""
    rank = process_rank()
    program = "effigie" if rank.size == 1 else f"effigie: process {rank.rank} of {rank.size}"
    ERRORS.print(f"{program}: {line}", soft_wrap=True, markup=False, highlight=False)


def print_json(value: Any) -> None:
    """Write ``value`` to standard output as JSON, and nothing else."""
    if is_leader():
        print(format_json(value, getattr(sys.stdout, "encoding", None) or "utf-8"))


def format_json(value: Any, encoding: str) -> str:
    """JSON that can be written in ``encoding``: letters as they are if it has them all, else JSON's own escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return json.dumps(value, indent=2, default=str)
    return text


def print_json_line(value: Any) -> None:
    """Write ``value`` to standard output as one line of JSON, at once."""
    if is_leader():
        print(json.dumps(value, default=str), flush=True)  # ASCII: names of files may be no valid Unicode
