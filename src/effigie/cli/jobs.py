"""Options and final report of the verbs that take lists of clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from effigie.cli.console import format_count, print_error, print_json, print_line
from effigie.errors import UsageError
from effigie.execution.job import JobReport, JobSettings
from effigie.io.storage import RemoteFolder, is_remote, safe_name
from effigie.io.stored_names import to_stored

Workers = Annotated[
    int | None, typer.Option(help="Of several clips: how many at a time; what suits the machine by default.")
]
Engine = Annotated[
    str,
    typer.Option(
        metavar="ENGINE",
        help="Where clips are worked on: local (processes here), ray, or ray://auto (a cluster).",
    ),
]
Retries = Annotated[int, typer.Option(help="How often a clip that failed is tried again.")]
Container = Annotated[
    str, typer.Option(help="Of several clips: what the outputs are, mp4, mov, mkv, or frames (PNG folders).")
]


def refuse_existing(*paths: str | Path | None) -> None:
    """Refuse outputs that exist; --force replaces them.

    Raises:
        UsageError: one is there.
    """
    for path in paths:
        if path is None:
            continue
        if is_remote(path):
            folder, _, name = str(path).rpartition("/")
            skipped = RemoteFolder(folder).size(safe_name(name)) is not None
        else:
            skipped = Path(path).exists()
        if skipped:
            raise UsageError(f"{path} exists: choose another name, or replace it with --force")


def job_settings(
    output: str | Path, workers: int | None, engine: str, retries: int, container: str, force: bool
) -> JobSettings:
    """Create the settings of a job whose outputs go into a folder.

    Raises:
        UsageError: ``output`` is a video's name.
    """
    from effigie.media.video_encoder import OUTPUT_FORMATS

    if Path(str(output)).suffix.lower() in OUTPUT_FORMATS:
        raise UsageError(f"{output} is one video's name, and there are several clips: name a folder")
    return JobSettings(workers, engine, retries, container, force)


def print_job_report(report: JobReport, as_json: bool) -> None:
    """Print a job's report; exits with code 1 if a clip failed."""
    if as_json:
        print_json(to_stored(report))
    else:
        parts = [f"{format_count(report.completed, 'clip')} made"]
        if report.completed:
            rate = report.frames / max(report.seconds, 1e-9)
            parts[0] += f" ({format_count(report.frames, 'frame')}, {rate:.1f} frames/s)"
        if report.skipped:
            parts.append(f"{report.skipped} there already")
        if report.claimed_elsewhere:
            parts.append(f"{len(report.claimed_elsewhere)} in the hands of another run")
        if report.failed:
            parts.append(f"{len(report.failed)} failed")
        print_line(f"{', '.join(parts)} -> {report.output}")
        for note in report.notes:
            print_line(f"note: {note}")
    for reason in report.failed.values():
        print_error(reason)
    if report.failed:
        raise typer.Exit(1)
