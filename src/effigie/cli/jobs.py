"""Checks and final report of the commands that take lists of clips."""

from __future__ import annotations

from pathlib import Path

import effigie
from effigie.cli.console import exit_with_failures, print_json, print_line, print_notes
from effigie.errors import UsageError
from effigie.io.storage import RemoteFolder, is_remote, safe_name
from effigie.io.stored_names import to_stored
from effigie.progress import format_count


def refuse_existing(*paths: str | Path | None) -> None:
    """Refuse outputs that exist; --force replaces them."""
    for path in paths:
        if path is None:
            continue
        if is_remote(path):
            folder, _, name = str(path).rpartition("/")
            exists = RemoteFolder(folder).size(safe_name(name)) is not None
        else:
            exists = Path(path).exists()
        if exists:
            raise UsageError(f"{path} exists: choose another name, or replace it with --force")


def print_job_report(report: effigie.JobReport, as_json: bool) -> None:
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
        print_notes(report.notes)
    exit_with_failures(report.failed)
