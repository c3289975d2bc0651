"""`effigie animate`: a portrait and a driver in, a video of the portrait that moves as the driver does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import effigie
from effigie.cli import jobs
from effigie.cli.console import INTERRUPT, format_count, print_json, print_line, print_notes, progress_display
from effigie.cli.options import Consents, Json, Purpose, add_command
from effigie.io.stored_names import to_stored


def register(app: typer.Typer) -> None:
    add_command(app, "animate", animate)


def animate(
    portrait: Annotated[
        Path,
        typer.Argument(
            metavar="PORTRAIT", help="A picture, clip or face set of whoever is shown, or a PERSON made by tune."
        ),
    ],
    drivers: Annotated[
        list[str],
        typer.Option(
            "--driver",
            metavar="CLIP",
            help="Footage of whoever moves, or a motion template; several by naming it again, a folder or a pattern.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help=".mp4, .mov, .mkv, or a folder for PNG frames; of several drivers their folder."
        ),
    ],
    settings: effigie.AnimateSettings,
    job: effigie.JobSettings,
    consent: Consents = None,
    purpose: Purpose = None,
    as_json: Json = False,
) -> None:
    """Let a portrait move and speak as the driver does; the driver's times and sound are kept.

    Of several drivers those whose outputs are there already, with the same settings, are not animated again.
    """
    from effigie.heads import animate, animate_clips
    from effigie.io.storage import local_copy, upload_on_exit
    from effigie.media.inputs import is_single_clip

    asked: dict[str, Any] = {"consent": consent, "purpose": purpose, "cancel": INTERRUPT}
    if len(drivers) > 1 or not is_single_clip(drivers[0]):
        jobs.refuse_video_name(output)
        with progress_display() as progress:
            done = animate_clips(portrait, drivers, output, settings, job, progress=progress, **asked)
        jobs.print_job_report(done, as_json)
        return
    if not job.force:
        jobs.refuse_existing(output, settings.save_motion)
    with progress_display() as progress, local_copy(drivers[0]) as driver, upload_on_exit(output) as made:
        report = animate(portrait, driver, made, settings, progress=progress, **asked)
    if as_json:
        print_json({**to_stored(report), "output": str(output)})
        return
    rate = report.frames / max(report.seconds, 1e-9)
    print_line(f"{output}: {format_count(report.frames, 'frame')}, {rate:.1f} frames/s; id {report.output_id}")
    print_notes(report.notes)
