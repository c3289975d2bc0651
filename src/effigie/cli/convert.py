"""`effigie convert`: a model, or several, and clips in, swapped clips out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from effigie.cli import jobs
from effigie.cli.console import INTERRUPT, Json, format_count, print_json, print_line, progress_display
from effigie.errors import UsageError
from effigie.io.stored_names import to_stored

OPTIONS_WITH_PROJECT = ("model", "clips", "output", "frames", "force", "as_json", "save_project")


def register(app: typer.Typer) -> None:
    app.command("convert")(convert)


def convert(
    context: typer.Context,
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A folder made by train, or a project file (.toml).")
    ],
    clips: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CLIP]...",
            help="The target's footage: one clip, or files, folders and glob patterns; a project file names its own.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help=".mp4, .mov, .mkv, or a folder for PNG frames; of several clips their folder.",
        ),
    ] = None,
    person: Annotated[
        int | None,
        typer.Option(help="Swap the n-th largest face (0 = largest) instead of the one trained on."),
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="[NUMBER=]MODEL",
            help="One more model, for one more person: whom it was trained on, or the n-th largest face.",
        ),
    ] = None,
    consent: Annotated[
        list[str] | None,
        typer.Option(metavar="RECORD", help="Consent instead of the one in the model, file or id."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="What it is for, if a consent is limited to that.")
    ] = None,
    label: Annotated[str, typer.Option(help="Visible notice: off, corner or first-seconds.")] = "off",
    certificate: Annotated[
        Path | None, typer.Option(help="PEM chain to sign with instead of the local certificate.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="PEM private key of the certificate.")] = None,
    timestamp: Annotated[
        str | None, typer.Option(metavar="URL", help="Time-stamp authority to ask; none by default.")
    ] = None,
    color: Annotated[str, typer.Option(help="none, reinhard, histogram, covariance or local.")] = "local",
    blend: Annotated[str, typer.Option(help="feather, multiband or poisson.")] = "multiband",
    occlusion: Annotated[
        str,
        typer.Option(help="on: hands, hair, glasses and whatever else is before the face stay there; off."),
    ] = "on",
    mask_clip: Annotated[
        Path | None,
        typer.Option(
            metavar="MASKCLIP",
            help="A mask painted elsewhere, of the clip's size and length: white shows the made face, black not.",
        ),
    ] = None,
    erode: Annotated[
        str,
        typer.Option(
            metavar="SHARES", help="Shrink the mask by shares of the face: 0.03, or top=0.05,left=-0.02."
        ),
    ] = "0",
    feather: Annotated[float, typer.Option(help="How softly the mask ends, a share of the face.")] = 0.06,
    codec: Annotated[str, typer.Option(help="h264, hevc or png.")] = "h264",
    crf: Annotated[int, typer.Option(help="Quality of the encoder, lower is better.")] = 16,
    masks: Annotated[Path | None, typer.Option(help="Also write the masks, a folder of grey PNGs.")] = None,
    turned: Annotated[
        str,
        typer.Option(
            help="Heads turned beyond what the source's footage shows: leave them as they are, or make them."
        ),
    ] = "leave",
    fast: Annotated[
        bool, typer.Option("--fast", help="About a quarter faster, for a slightly softer face.")
    ] = False,
    frames: Annotated[int | None, typer.Option(help="Only the first frames, for a quick look.")] = None,
    save_project: Annotated[
        Path | None,
        typer.Option(
            metavar="TOML", help="Keep all of this in a project file, to be edited and converted again."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    workers: jobs.Workers = None,
    engine: jobs.Engine = "local",
    retries: jobs.Retries = 1,
    container: jobs.Container = "mp4",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing output.")] = False,
    as_json: Json = False,
) -> None:
    """Put the source's face into clips of the target; sound, times and everything else stay.

    Of several clips those that are there already, of the same clip, model and settings, are not made again.
    """
    from effigie.compositing import ComposeSettings
    from effigie.compositing.mask import MaskSettings
    from effigie.io.storage import local_copy, local_path, upload_on_exit
    from effigie.media import EncodeSettings
    from effigie.media.inputs import is_single_clip
    from effigie.provenance import TrustSettings
    from effigie.swap import ConvertSettings, PersonAssignment, convert, convert_clips
    from effigie.swap.inference import project as projects

    several = bool(clips) and (len(clips or ()) > 1 or not is_single_clip((clips or [""])[0]))
    clip = clips[0] if clips else None
    if model.suffix == projects.SUFFIX:
        if clip is not None:
            raise UsageError(f"{model} names its clip itself: leave {clip} out")
        for name in context.params:
            given = getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
            if given and name not in OPTIONS_WITH_PROJECT:
                option = "map" if name == "others" else name.replace("_", "-")
                raise UsageError(f"--{option} is the project file's to say: edit {model}")
        plan = projects.load_project(model)
        destination = output or plan.output
    else:
        if clip is None:
            raise UsageError("name the clip after the model, or a project file (.toml) alone")
        destination = output
        plan = projects.Project(
            local_path(clip),
            (PersonAssignment(model, person), *(_parse_assignment(text) for text in others or ())),
            None if output is None else local_path(output),
            ConvertSettings(
                compose=ComposeSettings(
                    color=color,
                    blend=blend,
                    occlusion=occlusion,
                    mask=MaskSettings(**parse_erosion(erode), feather=feather),
                ),
                encode=EncodeSettings(codec=cast(Any, codec), crf=crf),  # checked by the settings themselves
                trust=TrustSettings(
                    label=cast(Any, label), certificate=certificate, key=key, timestamp_authority=timestamp
                ),
                mask_clip=mask_clip,
                masks=masks,
                device=device,
                extreme_pose=turned,
                fast=fast,
            ),
            tuple(consent or ()),
            purpose,
        )
    if destination is None:
        raise UsageError("name the output: -o FILE, or a folder for several clips")
    consents = list(plan.consents) or None
    settings = replace(plan.settings, max_frames=frames)
    if several:
        if save_project is not None:
            raise UsageError("a project file is for one clip: save it with that one alone")
        job = jobs.job_settings(destination, workers, engine, retries, container, force)
        with progress_display() as progress:
            done = convert_clips(
                plan.people,
                clips or [],
                destination,
                settings,
                job,
                consent=consents,
                purpose=plan.purpose,
                progress=progress,
                cancel=INTERRUPT,
            )
        jobs.print_job_report(done, as_json)
        return
    if not force:
        jobs.refuse_existing(destination, plan.settings.masks, save_project)
    if save_project is not None:
        projects.save_project(plan, save_project)
    with (
        progress_display() as progress,
        local_copy(plan.clip if clip is None else clip) as footage,
        upload_on_exit(destination) as made,
    ):
        report = convert(
            plan.people,
            footage,
            made,
            settings,
            consent=consents,
            purpose=plan.purpose,
            progress=progress,
            cancel=INTERRUPT,
        )
    if as_json:
        print_json({**to_stored(report), "output": str(destination)})
        return
    rate = report.frames / max(report.seconds, 1e-9)
    whole = format_count(report.frames, "frame")
    if len(report.each) > 1:
        print_line(", ".join(f"{name}: {count}" for name, count in report.each.items()) + " frames")
    print_line(
        f"{destination}: {report.swapped} of {whole} swapped, {rate:.1f} frames/s; id {report.output_id}"
    )
    for note in report.notes:
        print_line(f"note: {note}")


def _parse_assignment(text: str) -> Any:
    """``MODEL``, or ``NUMBER=MODEL``."""
    from effigie.swap import PersonAssignment

    number, equals, model = text.partition("=")
    if not equals or not number.isdecimal():
        return PersonAssignment(Path(text))
    return PersonAssignment(Path(model), int(number))


def parse_erosion(text: str) -> dict[str, float]:
    """Erosion by side: of ``0.03``, which is for all four, or of ``top=0.05,left=-0.02``.

    Raises:
        UsageError: it is neither.
    """
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
    raise UsageError(
        f"--erode is a share such as 0.03, or top=0.05,left=-0.02 ({', '.join(sides)}), not {text!r}"
    )
