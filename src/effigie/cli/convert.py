"""`effigie convert`: a model, or several, and clips in, swapped clips out."""

from __future__ import annotations

from dataclasses import replace
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
    is_file_name,
    note_folder,
    plan_clips,
    print_plans,
    with_frames,
)
from effigie.errors import UsageError
from effigie.io.stored_names import to_stored
from effigie.progress import format_count

OPTIONS_WITH_PROJECT = (
    *("model", "clips", "output", "frames_to", "dry_run", "max_frames", "force", "as_json", "save_project"),
    *("timeline", "save_timeline"),
)


def register(app: typer.Typer) -> None:
    add_command(app, "convert", convert)


def convert(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder made by train, or a project file (.toml).")],
    settings: effigie.ConvertSettings,
    job: effigie.JobSettings,
    clips: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CLIP]...",
            help="The target's footage: one clip, or files, folders and glob patterns; a project file names its own.",
        ),
    ] = None,
    output: Output = None,
    frames_to: FramesTo = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="[NUMBER=]MODEL",
            help="One more model, for one more person: whom it was trained on, or the n-th largest face.",
        ),
    ] = None,
    erode: Annotated[
        str,
        typer.Option(
            metavar="SHARES",
            help="Shrink the mask by shares of the face: 0.03, or top=0.05,left=-0.02.",
            rich_help_panel="Mask",
        ),
    ] = "0",
    consent: Consents = None,
    purpose: Purpose = None,
    save_project: Annotated[
        Path | None,
        typer.Option(metavar="TOML", help="Keep all of this in a project file, to be edited and converted again."),
    ] = None,
    dry_run: DryRun = False,
    timeline: Annotated[
        Path | None,
        typer.Option(metavar="OTIO", help="Swap in the ranges alone that this OpenTimelineIO cut uses of the clip."),
    ] = None,
    save_timeline: Annotated[
        Path | None, typer.Option(metavar="OTIO", help="Write the shots as an OpenTimelineIO cut of the output.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put the source's face into clips of the target; sound, times and everything else stay.

    Of several clips those that are there already, of the same clip, model and settings, are not made again.
    """
    from effigie.io.storage import local_copy, local_path, upload_on_exit
    from effigie.media import probe
    from effigie.media.inputs import find_clips, is_single_clip
    from effigie.swap import PersonAssignment, convert, convert_clips
    from effigie.swap.editing import project as projects
    from effigie.swap.editing import timeline as timelines

    is_batch = bool(clips) and (len(clips or ()) > 1 or not is_single_clip((clips or [""])[0]))
    clip = clips[0] if clips else None
    if model.suffix == projects.SUFFIX:
        if clip is not None:
            raise UsageError(f"{model} names its clip itself: leave {clip} out")
        _refuse_project_options(context, model)
        project = projects.load_project(model)
        destination = _choose_project_destination(project, output, frames_to)
    else:
        if clip is None:
            raise UsageError("name the clip after the model, or a project file (.toml) alone")
        destination = choose_destination(output, frames_to, is_batch, settings.encode.codec)
        mask = replace(settings.compose.mask, **parse_erosion(erode))
        settings = replace(settings, compose=replace(settings.compose, mask=mask))
        project = projects.Project(
            local_path(clip),
            (PersonAssignment(model, settings.person), *(_parse_assignment(text) for text in assignments or ())),
            None,
            replace(settings, person=None, max_frames=None),
            tuple(consent or ()),
            purpose,
        )
    settings = replace(
        project.settings, max_frames=settings.max_frames, encode=with_frames(project.settings.encode, destination)
    )
    if timeline is not None:
        if is_batch:
            raise UsageError("a timeline's ranges are of one clip: convert that one by itself")
        ranges = timelines.load_ranges(timeline, project.clip, probe(project.clip, settings.footage))
        settings = replace(settings, shots=timelines.restrict_shots(settings.shots, ranges))
    if dry_run:
        clip_names = find_clips(clips) if clips else [str(project.clip)]
        if is_batch and settings.layers is not None:
            raise UsageError("layers are of one clip: convert that one by itself")
        plan_options = {
            "encode": settings.encode,
            "trust": settings.trust,
            "max_frames": settings.max_frames,
            "layers": settings.layers,
            "footage": settings.footage,
        }
        print_plans(plan_clips(clip_names, destination, job.container, **plan_options), as_json)
        return
    options: dict[str, Any] = {
        "consent": list(project.consents) or None,
        "purpose": project.purpose,
        "cancel": INTERRUPT,
    }
    # What is for one clip alone is made by itself, in the folder too.
    is_single = not is_batch and (
        save_project
        or save_timeline
        or timeline
        or settings.masks
        or settings.layers
        or settings.mask_clip
        or not clips
    )
    if is_batch and (save_project is not None or save_timeline is not None):
        raise UsageError("a project file or a timeline is of one clip: save it with that one alone")
    if destination.is_folder and not is_single:
        note_folder(destination, is_batch)
        job = replace(job, container="frames") if destination.frames else job
        with progress_display() as progress:
            job_report = convert_clips(
                project.people, clips or [], destination.path, settings, job, progress=progress, **options
            )
        jobs.print_job_report(job_report, as_json)
        return
    footage_name = str(project.clip) if clip is None else clip
    target = destination.of_clip(footage_name, job.container)
    project = replace(project, output=local_path(target))
    if not job.force:
        jobs.refuse_existing(target, settings.masks, settings.layers, save_project, save_timeline)
    if save_project is not None:
        projects.save_project(replace(project, settings=replace(project.settings, shots=settings.shots)), save_project)
    if save_timeline is not None:
        timelines.save_timeline(replace(project, settings=settings), save_timeline)
    with progress_display() as progress, local_copy(footage_name) as footage, upload_on_exit(target) as local_output:
        report = convert(project.people, footage, local_output, settings, progress=progress, **options)
    if as_json:
        print_json({**to_stored(report), "output": target})
        return
    if len(report.swapped_by_model) > 1:
        print_line(", ".join(f"{name}: {count}" for name, count in report.swapped_by_model.items()) + " frames")
    print_line(format_conversion(target, report))
    print_notes(report.notes)


def _choose_project_destination(project: Any, output: str | None, frames_to: str | None) -> Destination:
    """Where a project's output goes; a folder that it names itself is one of frames, as one clip's always was."""
    if output is not None or frames_to is not None:
        return choose_destination(output, frames_to, False, project.settings.encode.codec)
    if project.output is None:
        raise UsageError("name the output: -o FILE, or --frames-to FOLDER for PNG frames")
    return Destination(str(project.output), False, frames=not is_file_name(str(project.output)))


def format_conversion(output: str | Path, report: effigie.ConvertReport) -> str:
    """What was swapped, how fast, and the output's id, in a line."""
    rate = report.frames / max(report.seconds, 1e-9)
    whole = format_count(report.frames, "frame")
    return f"{output}: {report.swapped} of {whole} swapped, {rate:.1f} frames/s; id {report.output_id}"


def _refuse_project_options(context: typer.Context, project: Path) -> None:
    """Refuse options that a project file holds itself."""
    for parameter in context.command.params:
        name = parameter.name or ""
        is_explicit = getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
        if is_explicit and name not in OPTIONS_WITH_PROJECT:
            raise UsageError(f"{parameter.opts[0]} is the project file's to say: edit {project}")


def _parse_assignment(text: str) -> Any:
    """``MODEL``, or ``NUMBER=MODEL``."""
    from effigie.swap import PersonAssignment

    number, equals, model = text.partition("=")
    if not equals or not number.isdecimal():
        return PersonAssignment(Path(text))
    return PersonAssignment(Path(model), int(number))


def parse_erosion(text: str) -> dict[str, float]:
    """Erosion by side: of ``0.03``, which is for all four, or of ``top=0.05,left=-0.02``."""
    sides = ("top", "bottom", "left", "right")
    try:
        if "=" not in text:
            return dict.fromkeys(sides, float(text))
        pairs = [part.split("=") for part in text.split(",")]
        shares = {side.strip(): float(share) for side, share in pairs}
        if set(shares) <= set(sides) and len(shares) == len(pairs):
            return shares
    except ValueError:
        pass
    raise UsageError(f"--erode is a share such as 0.03, or top=0.05,left=-0.02 ({', '.join(sides)}), not {text!r}")
