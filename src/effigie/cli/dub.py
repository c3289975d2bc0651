"""`effigie dub`: a clip and other words in, the clip in which its person says them out."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Annotated, Any

import typer

import effigie
from effigie.cli import jobs
from effigie.cli.console import INTERRUPT, hold_interrupt, print_json, print_line, print_notes, progress_display
from effigie.cli.options import Consents, Json, Purpose, add_command
from effigie.cli.outputs import DryRun, FramesTo, Output, choose_destination, print_plans, with_frames
from effigie.cli.voice import read_text
from effigie.errors import UsageError
from effigie.io.stored_names import to_stored
from effigie.progress import format_count


def register(app: typer.Typer) -> None:
    add_command(app, "dub", dub)


def dub(
    clip: Annotated[str, typer.Argument(metavar="CLIP", help="Footage of whoever shall say something else.")],
    settings: effigie.DubSettings,
    speech: Annotated[
        str | None, typer.Option("--speech", metavar="SOUND", help="What is said: a sound or video file.")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT|FILE", help="What is said, in English, or a text file.")
    ] = None,
    voice: Annotated[
        str | None,
        typer.Option("--voice", metavar="VOICE", help="That says the text: a folder made by learn, or a stock voice."),
    ] = None,
    output: Output = None,
    frames_to: FramesTo = None,
    consent: Consents = None,
    purpose: Purpose = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing output.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let a person in a clip say something else: mouth and jaw follow the sound, all else stays the footage's."""
    from effigie.io.storage import local_copy, upload_on_exit

    with hold_interrupt():
        from effigie.dubbing import dub, plan_dub

    destination = choose_destination(output, frames_to, False, settings.encode.codec)
    settings = replace(settings, encode=with_frames(settings.encode, destination))
    if (speech is None) == (text is None):
        raise UsageError("name what is to be said: a sound with --speech, or a text with --text and --voice")
    target = destination.of_clip(clip, "mp4")
    if not force:
        jobs.refuse_existing(target, settings.masks)
    with contextlib.ExitStack() as stack:
        footage = stack.enter_context(local_copy(clip))
        if dry_run:
            print_plans([(clip, plan_dub(footage, target, settings))], as_json)
            return
        sound = None if speech is None else stack.enter_context(local_copy(speech))
        progress = stack.enter_context(progress_display())
        with upload_on_exit(target) as local_output:
            options: dict[str, Any] = {"consent": consent, "purpose": purpose, "cancel": INTERRUPT}
            words = None if text is None else read_text(text)
            report = dub(
                footage, local_output, settings, speech=sound, text=words, voice=voice, progress=progress, **options
            )
    if as_json:
        stored = to_stored(replace(report, mouth=None))
        del stored["mouth"]
        print_json({**stored, "output": target})
        return
    rate = report.frames / max(report.seconds, 1e-9)
    print_line(
        f"{target}: the mouth was made in {report.dubbed} of {format_count(report.frames, 'frame')}, "
        f"{rate:.1f} frames/s; id {report.output_id}"
    )
    print_notes(report.notes)
