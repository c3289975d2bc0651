"""`effigie extract`: clips in, a face set out."""

from __future__ import annotations

from typing import Annotated

import typer

import effigie
from effigie.cli.console import INTERRUPT, exit_with_failures, print_json, print_line, print_notes, progress_display
from effigie.cli.options import Json, add_command
from effigie.io.stored_names import to_stored
from effigie.progress import format_count


def register(app: typer.Typer) -> None:
    add_command(app, "extract", extract)


def extract(
    clips: Annotated[list[str], typer.Argument(metavar="CLIP...", help="Files, folders, glob patterns or addresses.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FACES", help="The face set, a folder.")],
    settings: effigie.ExtractSettings,
    as_json: Json = False,
) -> None:
    """Find, follow, align and store every face of some clips. Clips already done are skipped."""
    with progress_display() as progress:
        report = effigie.extract(clips, output, settings, progress=progress, cancel=INTERRUPT)
    if as_json:
        print_json(to_stored(report))
    else:
        footage_text = f"{format_count(report.frames, 'frame')} of {format_count(report.clips, 'clip')}"
        print_line(f"{format_count(report.faces, 'face')} in {footage_text} -> {report.output}")
        if report.skipped:
            print_line(f"done already: {format_count(len(report.skipped), 'clip')}")
        for clip in report.without_faces:
            print_line(f"no face in {clip}")
        print_notes(report.notes)
        if unseen := _describe_unseen(output):
            print_line(f"{unseen}: what a swap asks of it is made up, unless more footage shows it")
    exit_with_failures(report.failed)


def _describe_unseen(output: str) -> str:
    """What the main person is never seen to do; empty for a face set that does not lie here."""
    from effigie.faceset.review import describe_unseen, find_unseen

    return describe_unseen(find_unseen(output), "person 0") if effigie.faceset.FaceSet.exists(output) else ""
