"""`effigie extract`: clips in, a face set out."""

from __future__ import annotations

from typing import Annotated

import typer

from effigie.cli import jobs
from effigie.cli.console import (
    INTERRUPT,
    Json,
    format_count,
    print_error,
    print_json,
    print_line,
    progress_display,
)
from effigie.io.stored_names import to_stored


def register(app: typer.Typer) -> None:
    app.command("extract")(extract)


def extract(
    clips: Annotated[
        list[str], typer.Argument(metavar="CLIP...", help="Files, folders, glob patterns or addresses.")
    ],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FACES", help="The face set, a folder.")],
    size: Annotated[
        int | None, typer.Option(help="Side of the stored crops in pixels; as the faces are, 256 to 512.")
    ] = None,
    every: Annotated[int, typer.Option(help="Keep every n-th frame.")] = 1,
    smallest: Annotated[
        int, typer.Option(help="Leave out faces whose crop is smaller, in frame pixels.")
    ] = 40,
    stills: Annotated[
        bool, typer.Option("--stills", help="The pictures of a folder are unrelated photos.")
    ] = False,
    quality: Annotated[int, typer.Option(help="JPEG quality of the crops.")] = 95,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    engine: jobs.Engine = "local",
    retries: jobs.Retries = 1,
    as_json: Json = False,
) -> None:
    """Find, follow, align and store every face of some clips. Clips already done are skipped."""
    from effigie.extraction import ExtractSettings
    from effigie.extraction import extract as run

    settings = ExtractSettings(size, every, smallest, stills, quality, workers, engine, retries)
    with progress_display() as progress:
        report = run(clips, output, settings, progress=progress, cancel=INTERRUPT)
    if as_json:
        print_json(to_stored(report))
    else:
        read = f"{format_count(report.frames, 'frame')} of {format_count(report.clips, 'clip')}"
        print_line(f"{format_count(report.faces, 'face')} in {read} -> {report.output}")
        if report.skipped:
            print_line(f"done already: {format_count(len(report.skipped), 'clip')}")
        for clip in report.without_faces:
            print_line(f"no face in {clip}")
        for note in report.notes:
            print_line(f"note: {note}")
    for reason in report.failed.values():
        print_error(reason)
    if report.failed:
        raise typer.Exit(1)
