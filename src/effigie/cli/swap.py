"""`effigie swap`: photos or clips of a person and a clip in, the swapped clip out, without training or with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

import effigie
from effigie.cli import jobs
from effigie.cli.console import INTERRUPT, print_json, print_line, print_notes, progress_display
from effigie.cli.convert import format_conversion
from effigie.cli.options import Consents, Json, Purpose, add_command
from effigie.cli.outputs import (
    DryRun,
    FramesTo,
    Output,
    choose_destination,
    note_folder,
    plan_clips,
    print_plans,
    with_frames,
)
from effigie.errors import UsageError
from effigie.io.stored_names import to_stored


def register(app: typer.Typer) -> None:
    add_command(app, "swap", swap)


def swap(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE... CLIP",
            help="A photo, a few, clips or a face set of whoever is shown; and last the target's footage.",
        ),
    ],
    settings: effigie.ConvertSettings,
    output: Output = None,
    frames_to: FramesTo = None,
    minutes: Annotated[
        float | None, typer.Option(help="How long to train first; without it geometry alone makes the face.")
    ] = None,
    source_person: Annotated[
        int | None, typer.Option(help="Which person of the source, 0 = most faces; by default the only one.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="For face sets and model; by default beside the output.")
    ] = None,
    consent: Consents = None,
    purpose: Purpose = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing output.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put a person's face into a clip at once: extract, train if minutes are given, convert, verify.

    One photo is enough. A first frame is written as OUT.preview.png within seconds, and a sheet at the end.
    """
    if len(paths) < 2:
        raise UsageError("name the source's photos or clips, and last the target's footage")
    destination = choose_destination(output, frames_to, False, settings.encode.codec)
    settings = replace(settings, encode=with_frames(settings.encode, destination))
    target = Path(destination.of_clip(paths[-1], "mp4"))
    if dry_run:
        plan_options = {
            "encode": settings.encode,
            "trust": settings.trust,
            "max_frames": settings.max_frames,
            "layers": settings.layers,
            "footage": settings.footage,
        }
        print_plans(plan_clips([str(paths[-1])], destination, "mp4", **plan_options), as_json)
        return
    note_folder(destination, is_batch=False)
    if not force:
        jobs.refuse_existing(target, settings.masks, settings.layers)
    with progress_display() as progress:
        report = effigie.swap_clip(
            paths[:-1],
            paths[-1],
            target,
            settings,
            training=effigie.SwapSettings(minutes=minutes, source_person=source_person),
            work=work,
            consent=consent,
            purpose=purpose,
            progress=progress,
            cancel=INTERRUPT,
            on_preview=None if as_json else lambda path: print_line(f"{path}: the first frame"),
        )
    conversion = report.conversion
    if as_json:
        outputs = {name: getattr(report, name) for name in ("preview", "sheet", "model")}
        outputs = {name: path and str(path) for name, path in outputs.items()}
        print_json({**to_stored(conversion), **outputs, "output": str(target), "source_notes": report.notes})
        return
    print_line(format_conversion(target, conversion))
    print_line(f"{report.sheet}: before and after; {report.model}: the model, for `effigie convert`")
    if report.training is None:
        print_line("made by geometry alone: --minutes 5 trains first, which needs a clip of the source")
    print_notes([*report.notes, *conversion.notes])
