"""`effigie animate`: a portrait and a driver in, a video of the portrait that moves as the driver does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from effigie.cli import jobs
from effigie.cli.console import INTERRUPT, Json, format_count, print_json, print_line, progress_display
from effigie.io.stored_names import to_stored


def register(app: typer.Typer) -> None:
    app.command("animate")(animate)


def animate(
    portrait: Annotated[
        Path,
        typer.Argument(
            metavar="PORTRAIT",
            help="A picture, clip or face set of whoever is shown, or a PERSON made by tune.",
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
            "--output",
            "-o",
            help=".mp4, .mov, .mkv, or a folder for PNG frames; of several drivers their folder.",
        ),
    ],
    person: Annotated[
        int | None, typer.Option(help="Which face of the portrait, by size (0 = the largest).")
    ] = None,
    driver_person: Annotated[
        int | None, typer.Option(help="Which face of the driver's clip; the largest by default.")
    ] = None,
    head: Annotated[float, typer.Option(help="Strength of the head's motion, 0 to 2.")] = 1.0,
    expression: Annotated[float, typer.Option(help="Strength of the whole expression, 0 to 2.")] = 1.0,
    eyes: Annotated[float, typer.Option(help="Strength of lids, gaze and brows, 0 to 2.")] = 1.0,
    mouth: Annotated[float, typer.Option(help="Strength of lips and jaw, 0 to 2.")] = 1.0,
    region: Annotated[str, typer.Option(help="What moves: all, face, mouth or eyes.")] = "all",
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Take the driver's own head angles, not their change.")
    ] = False,
    smoothing: Annotated[float, typer.Option(help="Smooth the motion over so many seconds.")] = 0.0,
    neutral: Annotated[
        int | None,
        typer.Option(metavar="FRAME", help="Driver's frame at rest; the calmest by default."),
    ] = None,
    save_motion: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the driver's motion as a template for --driver."),
    ] = None,
    renderer: Annotated[
        str, typer.Option(help="network: make what geometry cannot show; geometry: bend the portrait only.")
    ] = "network",
    heads: Annotated[
        Path | None,
        typer.Option(metavar="HEADS", help="A folder made by meta-train; the model that ships by default."),
    ] = None,
    paste: Annotated[str, typer.Option(help="portrait: the whole picture; crop: the head.")] = "portrait",
    size: Annotated[
        int | None, typer.Option(help="Larger side of the output in pixels; as the portrait, up to 1280.")
    ] = None,
    consent: Annotated[
        list[str] | None,
        typer.Option(metavar="RECORD", help="Consent of whoever is shown, file or id."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="What it is for, if a consent is limited to that.")
    ] = None,
    label: Annotated[str, typer.Option(help="Visible notice: off, corner or first-seconds.")] = "corner",
    certificate: Annotated[
        Path | None, typer.Option(help="PEM chain to sign with instead of the local certificate.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="PEM private key of the certificate.")] = None,
    timestamp: Annotated[
        str | None, typer.Option(metavar="URL", help="Time-stamp authority to ask; none by default.")
    ] = None,
    codec: Annotated[str, typer.Option(help="h264, hevc or png.")] = "h264",
    crf: Annotated[int, typer.Option(help="Quality of the encoder, lower is better.")] = 16,
    frames: Annotated[int | None, typer.Option(help="Only the first frames, for a quick look.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    workers: jobs.Workers = None,
    engine: jobs.Engine = "local",
    retries: jobs.Retries = 1,
    container: jobs.Container = "mp4",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing output.")] = False,
    as_json: Json = False,
) -> None:
    """Let a portrait move and speak as the driver does; the driver's times and sound are kept.

    Of several drivers those whose outputs are there already, with the same settings, are not animated again.
    """
    from effigie.media.inputs import is_single_clip

    several = len(drivers) > 1 or not is_single_clip(drivers[0])
    if not several and not force:
        jobs.refuse_existing(output, save_motion)
    from effigie.heads import AnimateSettings, Controls, animate_clips
    from effigie.heads import animate as run
    from effigie.io.storage import local_copy, upload_on_exit
    from effigie.media import EncodeSettings
    from effigie.provenance import TrustSettings

    settings = AnimateSettings(  # checked by the settings themselves
        controls=Controls(
            head=head,
            expression=expression,
            eyes=eyes,
            mouth=mouth,
            region=cast(Any, region),
            relative=not absolute,
            smoothing=smoothing,
        ),
        renderer=cast(Any, renderer),
        heads=heads,
        paste=cast(Any, paste),
        size=size,
        person=person,
        driver_person=driver_person,
        neutral_frame=neutral,
        save_motion=save_motion,
        encode=EncodeSettings(codec=cast(Any, codec), crf=crf),
        trust=TrustSettings(
            label=cast(Any, label), certificate=certificate, key=key, timestamp_authority=timestamp
        ),
        device=device,
        max_frames=frames,
    )
    if several:
        job = jobs.job_settings(output, workers, engine, retries, container, force)
        with progress_display() as progress:
            done = animate_clips(
                portrait,
                drivers,
                output,
                settings,
                job,
                consent=consent,
                purpose=purpose,
                progress=progress,
                cancel=INTERRUPT,
            )
        jobs.print_job_report(done, as_json)
        return
    with progress_display() as progress, local_copy(drivers[0]) as driver, upload_on_exit(output) as made:
        report = run(
            portrait,
            driver,
            made,
            settings,
            consent=consent,
            purpose=purpose,
            progress=progress,
            cancel=INTERRUPT,
        )
    if as_json:
        print_json({**to_stored(report), "output": str(output)})
        return
    rate = report.frames / max(report.seconds, 1e-9)
    print_line(
        f"{output}: {format_count(report.frames, 'frame')}, {rate:.1f} frames/s; id {report.output_id}"
    )
    for note in report.notes:
        print_line(f"note: {note}")
