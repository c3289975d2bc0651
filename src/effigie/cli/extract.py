"""`effigie extract`: clips in, a face set out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from effigie.cli import jobs
from effigie.cli.console import INTERRUPT, Json, complain, counted, print_json, progress_display, say


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
        print_json(asdict(report))
    else:
        read = f"{counted(report.frames, 'frame')} of {counted(report.clips, 'clip')}"
        say(f"{counted(report.faces, 'face')} in {read} -> {report.output}")
        if report.skipped:
            say(f"done already: {counted(len(report.skipped), 'clip')}")
        for clip in report.without_faces:
            say(f"no face in {clip}")
        for note in report.notes:
            say(f"note: {note}")
    for reason in report.failed.values():
        complain(reason)
    if report.failed:
        raise typer.Exit(1)
