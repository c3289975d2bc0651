"""`effigie animate`: a portrait and a driver in, a video of the portrait that moves as the driver does."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

import effigie
from effigie.cli import jobs
from effigie.cli.console import INTERRUPT, print_json, print_line, print_notes, progress_display
from effigie.cli.options import Consents, Json, Purpose, add_command
from effigie.cli.outputs import (
    Destination,
    DryRun,
    FramesTo,
    Output,
    choose_destination,
    note_folder,
    print_plans,
    with_frames,
)
from effigie.errors import UsageError
from effigie.io.stored_names import to_stored
from effigie.progress import format_count


def register(app: typer.Typer) -> None:
    add_command(app, "animate", animate)


def animate(
    portrait: Annotated[
        Path,
        typer.Argument(
            metavar="PORTRAIT", help="A picture, clip or face set of whoever is shown, or a PERSON made by tune."
        ),
    ],
    settings: effigie.AnimateSettings,
    job: effigie.JobSettings,
    drivers: Annotated[
        list[str] | None,
        typer.Option(
            "--driver",
            metavar="CLIP",
            help="Footage of whoever moves, or a motion template; several by naming it again, a folder or a pattern.",
        ),
    ] = None,
    speech: Annotated[
        str | None,
        typer.Option(
            "--speech",
            metavar="SOUND",
            help="What the portrait says: a sound or video file; a driver then gives head and eyes only.",
        ),
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(
            "--template",
            metavar="FILE",
            help="What the face shows over time, as TOML or JSON; by itself, or over a driver or a sound.",
        ),
    ] = None,
    output: Output = None,
    frames_to: FramesTo = None,
    consent: Consents = None,
    purpose: Purpose = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let a portrait move and speak as the driver does, say what is heard, or show what a template says.

    Times and sound are kept. Of several drivers those whose outputs are there already, with the same settings, are
    not animated again.
    """
    from effigie.heads import animate, animate_clips
    from effigie.io.storage import local_copy, upload_on_exit
    from effigie.media.inputs import is_single_clip

    drivers = drivers or []
    if not drivers and speech is None and template is None:
        raise UsageError("nothing moves the portrait: name --driver CLIP, --speech SOUND, or --template FILE")
    if speech is not None or not drivers:
        inputs = _Inputs(portrait, drivers, speech, template)
        _animate_one(inputs, settings, job, output, frames_to, consent, purpose, dry_run, as_json)
        return
    is_batch = len(drivers) > 1 or not is_single_clip(drivers[0])
    if is_batch and template is not None:
        raise UsageError("a control template stands over one driver: name a single clip beside --template")
    destination = choose_destination(output, frames_to, is_batch, settings.encode.codec)
    settings = replace(settings, encode=with_frames(settings.encode, destination))
    if dry_run:
        print_plans(_plan_drivers(portrait, drivers, destination, settings, job.container), as_json)
        return
    options: dict[str, Any] = {"consent": consent, "purpose": purpose, "cancel": INTERRUPT}
    if destination.is_folder and (is_batch or (settings.save_motion is None and template is None)):
        note_folder(destination, is_batch)
        job = replace(job, container="frames") if destination.frames else job
        with progress_display() as progress:
            job_report = animate_clips(portrait, drivers, destination.path, settings, job, progress=progress, **options)
        jobs.print_job_report(job_report, as_json)
        return
    target = destination.of_clip(drivers[0], job.container)
    if not job.force:
        jobs.refuse_existing(target, settings.save_motion)
    with progress_display() as progress, local_copy(drivers[0]) as driver, upload_on_exit(target) as local_output:
        report = animate(portrait, driver, local_output, settings, template=template, progress=progress, **options)
    if as_json:
        print_json({**to_stored(report), "output": target})
        return
    _print_report(report, target)


@dataclass(frozen=True)
class _Inputs:
    """What one output is made from."""

    portrait: Path
    drivers: list[str]
    speech: str | None
    template: Path | None


def _animate_one(
    inputs: _Inputs,
    settings: effigie.AnimateSettings,
    job: effigie.JobSettings,
    output: str | None,
    frames_to: str | None,
    consent: list[str] | None,
    purpose: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """One sound or template, and a driver's clip at most."""
    from effigie.heads import animate, load_template
    from effigie.heads.inference.output_plan import plan_speech, plan_template
    from effigie.io.storage import local_copy, upload_on_exit

    portrait, drivers, speech, template = inputs.portrait, inputs.drivers, inputs.speech, inputs.template
    if len(drivers) > 1:
        raise UsageError("one sound takes one driver: name a single clip beside --speech, or none")
    destination = choose_destination(output, frames_to, False, settings.encode.codec)
    settings = replace(settings, encode=with_frames(settings.encode, destination))
    target = destination.of_clip(speech or str(template), job.container)
    if not job.force:
        jobs.refuse_existing(target, settings.save_motion)
    with contextlib.ExitStack() as stack:
        sound = None if speech is None else stack.enter_context(local_copy(speech))
        if dry_run:
            if sound is None:
                assert template is not None
                plan = plan_template(portrait, load_template(template), target, settings)
            else:
                plan = plan_speech(portrait, sound, target, settings)
            print_plans([(speech or str(template), plan)], as_json)
            return
        progress = stack.enter_context(progress_display())
        driver = stack.enter_context(local_copy(drivers[0])) if drivers else None
        with upload_on_exit(target) as local_output:
            options: dict[str, Any] = {"consent": consent, "purpose": purpose, "cancel": INTERRUPT}
            options |= {"speech": sound, "template": template}
            report = animate(portrait, driver, local_output, settings, progress=progress, **options)
    if as_json:
        print_json({**to_stored(report), "output": target})
        return
    _print_report(report, target)


def _print_report(report: effigie.AnimateReport, target: str) -> None:
    rate = report.frames / max(report.seconds, 1e-9)
    print_line(f"{target}: {format_count(report.frames, 'frame')}, {rate:.1f} frames/s; id {report.output_id}")
    print_notes(report.notes)


def _plan_drivers(
    portrait: Path, drivers: list[str], destination: Destination, settings: effigie.AnimateSettings, container: str
) -> list[tuple[str, effigie.OutputPlan | str]]:
    from effigie.errors import EffigieError
    from effigie.heads.inference.output_plan import plan_animation
    from effigie.heads.motion.template import is_template
    from effigie.media.inputs import find_clips

    plans: list[tuple[str, effigie.OutputPlan | str]] = []
    templates = [name for name in drivers if is_template(Path(name))]
    clips = [name for name in drivers if name not in templates]
    for driver in [*templates, *(find_clips(clips) if clips else [])]:
        try:
            if driver in templates:
                plans.append((driver, "a motion template: its output is planned when it is read"))
            else:
                target = destination.of_clip(driver, container)
                plans.append((driver, plan_animation(portrait, driver, target, settings)))
        except EffigieError as error:
            plans.append((driver, str(error)))
    return plans
