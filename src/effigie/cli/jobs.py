"""What the verbs that take lists of clips share: their options, and what is said at the end."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from effigie.cli.console import complain, counted, print_json, say
from effigie.errors import UsageError
from effigie.execution.job import JobReport, JobSettings
from effigie.io.storage import RemoteFolder, is_remote, safe_name

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
    """An existing output is replaced only with --force.

    Raises:
        UsageError: one is there.
    """
    for path in paths:
        if path is None:
            continue
        if is_remote(path):
            folder, _, name = str(path).rpartition("/")
            there = RemoteFolder(folder).size(safe_name(name)) is not None
        else:
            there = Path(path).exists()
        if there:
            raise UsageError(f"{path} exists: choose another name, or replace it with --force")


def job_settings(
    output: str | Path, workers: int | None, engine: str, retries: int, container: str, force: bool
) -> JobSettings:
    """The settings of a job whose outputs go into a folder.

    Raises:
        UsageError: ``output`` is a video's name.
    """
    from effigie.media.video_file import FORMATS

    if Path(str(output)).suffix.lower() in FORMATS:
        raise UsageError(f"{output} is one video's name, and there are several clips: name a folder")
    return JobSettings(workers, engine, retries, container, force)


def tell(report: JobReport, as_json: bool) -> None:
    """Say what came of a job; ends with exit code 1 if a clip failed."""
    if as_json:
        print_json(asdict(report))
    else:
        parts = [f"{counted(report.made, 'clip')} made"]
        if report.made:
            rate = report.frames / max(report.seconds, 1e-9)
            parts[0] += f" ({counted(report.frames, 'frame')}, {rate:.1f} frames/s)"
        if report.there:
            parts.append(f"{report.there} there already")
        if report.elsewhere:
            parts.append(f"{len(report.elsewhere)} in the hands of another run")
        if report.failed:
            parts.append(f"{len(report.failed)} failed")
        say(f"{', '.join(parts)} -> {report.output}")
        for note in report.notes:
            say(f"note: {note}")
    for reason in report.failed.values():
        complain(reason)
    if report.failed:
        raise typer.Exit(1)
