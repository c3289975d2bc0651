"""Commands that train: `train` and `pretrain` (a swap), `meta-train` and `tune` (talking heads), `occlusion train`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import effigie
from effigie.cli.console import (
    INTERRUPT,
    STOPPED_MESSAGE,
    hold_interrupt,
    print_json,
    print_line,
    print_notes,
    progress_display,
)
from effigie.cli.options import HARDWARE, Consents, Json, Purpose, add_command
from effigie.errors import CancelledError, UsageError
from effigie.execution.launch import exit_with_launcher, launch, read_rank_info
from effigie.io.stored_names import to_stored
from effigie.progress import format_count

ManyFaces = Annotated[list[Path], typer.Argument(metavar="FACES...", help="Face sets of many people, films or stills.")]
Devices = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="GPUs of this machine to train on, a process each; with --device cpu so many processes.",
        rich_help_panel=HARDWARE,
    ),
]


def register(app: typer.Typer) -> None:
    add_command(app, "train", train)
    add_command(app, "pretrain", pretrain)
    add_command(app, "meta-train", meta_train)
    add_command(app, "tune", tune)
    group = typer.Typer(help="Learn what covers a face.", no_args_is_help=True)
    add_command(group, "train", train_occlusion)
    app.add_typer(group, name="occlusion")


def train(
    source: Annotated[Path, typer.Option(metavar="FACES_B", help="Face set of the person who will be shown.")],
    target: Annotated[Path, typer.Option(metavar="FACES_A", help="Face set of the person in the footage.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="MODEL", help="The model, a folder.")],
    settings: effigie.SwapSettings,
    consent: Consents = None,
    purpose: Purpose = None,
    devices: Devices = 1,
    as_json: Json = False,
) -> None:
    """Learn to put the source's face into the target's footage. Run again to train on.

    Without --minutes and --steps it trains until the held-out error stops improving.
    """
    if run_on_devices(devices):
        return
    with hold_interrupt():
        run = effigie.train  # imported here
    with progress_display() as progress:
        report = run(
            source, target, output, settings, consent=consent, purpose=purpose, progress=progress, cancel=INTERRUPT
        )
    if as_json:
        summary = report.progress_summary
        print_json(
            {
                "output": report.output,
                "steps": report.steps,
                "seconds": report.seconds,
                "images_per_second": report.images_per_second,
                "held_out_error": report.held_out_error,
                "improving": report.improving,
                "best": report.best and to_stored(report.best),
                "parts": {name: to_stored(part) for name, part in summary.parts.items()},
                "next_gain_seconds": summary.forecast.seconds,
                "gain_in_sight": summary.forecast.is_expected,
                "stopped_because": report.stopped_because,
                "processes": report.processes,
                "notes": list(report.notes),
            }
        )
        return
    for line in format_report(report):
        print_line(line)
    print_notes(report.notes)


def meta_train(
    faces: ManyFaces,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="HEADS", help="The model, a folder.")],
    settings: effigie.MetaSettings,
    devices: Devices = 1,
    as_json: Json = False,
) -> None:
    """Learn talking heads from many people. Run again to train on.

    Without --minutes and --steps it trains until the error on people held out stops improving.
    """
    if run_on_devices(devices):
        return
    with progress_display() as progress:
        report = effigie.meta_train(faces, output, settings, progress=progress, cancel=INTERRUPT)
    training_count, held_out_count = report.people
    _print_report(
        report,
        f"{format_count(report.steps, 'step')} on {training_count} people ({held_out_count} held out)"
        f"{_format_error(report)}, "
        f"{report.examples_per_second:.1f} examples/s{format_processes(report.processes)}",
        as_json,
    )


def pretrain(
    faces: ManyFaces,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="START", help="The model, a folder.")],
    settings: effigie.PretrainSettings,
    devices: Devices = 1,
    as_json: Json = False,
) -> None:
    """Learn from many people what `train` starts from. Run again to train on.

    Without --minutes and --steps it trains until the error on people held out stops improving.
    """
    if run_on_devices(devices):
        return
    with progress_display() as progress:
        report = effigie.pretrain(faces, output, settings, progress=progress, cancel=INTERRUPT)
    training_count, held_out_count = report.people
    _print_report(
        report,
        f"{format_count(report.steps, 'step')} on {training_count} people ({held_out_count} held out)"
        f"{_format_error(report)}, "
        f"{report.examples_per_second:.1f} examples/s{format_processes(report.processes)}",
        as_json,
    )


def tune(
    pictures: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, clips or face sets of the person.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PERSON", help="The person's model, a folder.")],
    settings: effigie.TuneSettings,
    heads: Annotated[
        Path | None, typer.Option(metavar="HEADS", help="A folder made by meta-train; by default the model that ships.")
    ] = None,
    consent: Consents = None,
    purpose: Purpose = None,
    devices: Devices = 1,
    as_json: Json = False,
) -> None:
    """Tune a talking-head model to one person; it stops before mimicry suffers."""
    if run_on_devices(devices):
        return
    with hold_interrupt():
        run = effigie.tune  # imported here
    with progress_display() as progress:
        report = run(
            heads, pictures, output, settings, consent=consent, purpose=purpose, progress=progress, cancel=INTERRUPT
        )
    _print_report(
        report,
        f"{format_count(report.shots, 'picture')}, {format_count(report.steps, 'step')} in "
        f"{report.seconds:.0f} s{format_processes(report.processes)}; "
        f"held-out error {report.held_out[0]:.4f} -> {report.held_out[1]:.4f}, "
        f"mimicry {100 * report.mimicry[0]:.1f} -> {100 * report.mimicry[1]:.1f} % of the eye distance",
        as_json,
    )


def train_occlusion(
    faces: ManyFaces,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The model, a folder.")],
    settings: effigie.occlusion.OcclusionSettings,
    as_json: Json = False,
) -> None:
    """Learn what covers a face, from occluders painted over many faces. Run again to train on.

    Without --minutes and --steps it trains until the error on faces held out stops improving.
    """
    with progress_display() as progress:
        report = effigie.occlusion.train_occlusion(faces, output, settings, progress=progress, cancel=INTERRUPT)
    training_count, held_out_count, left_out = report.faces
    _print_report(
        report,
        f"{format_count(report.steps, 'step')} on {format_count(training_count, 'face')} ({held_out_count} held out, "
        f"{left_out} left out: glasses, or hardly measured){_format_error(report)}",
        as_json,
    )


def run_on_devices(devices: int) -> bool:
    """Run this command line again in ``devices`` processes and wait; False where this is one of them, or they are one.

    Exits with their code where they fail.
    """
    if devices < 1:
        raise UsageError(f"devices must be 1 or more, not {devices}")
    world = read_rank_info(os.environ)
    if world.size > 1:
        if devices not in (1, world.size):
            raise UsageError(f"--devices {devices}, but {world.size} processes were started: leave it to torchrun")
        exit_with_launcher()
        return False
    if devices == 1:
        return False
    code = launch([sys.executable, "-m", "effigie", *sys.argv[1:]], devices, INTERRUPT)
    if INTERRUPT.is_requested:
        raise CancelledError(STOPPED_MESSAGE)
    if code:
        raise typer.Exit(code)
    return True


def format_report(report: effigie.TrainReport) -> list[str]:
    """The result, whether more minutes would help, and which weights the model has: a sentence a line."""
    from effigie.training.monitor.forecast import format_duration
    from effigie.training.monitor.progress_summary import format_parts

    summary, total = report.progress_summary, report.curve[-1].seconds
    lines = [
        f"{report.output}: {format_count(report.steps, 'step')} in {format_duration(total)}, "
        f"{report.images_per_second:.0f} images/s{format_processes(report.processes)}; "
        "curve.png and preview.png lie there"
    ]
    error = f"held-out error {summary.error:.4f}{format_parts(summary.parts)}"
    if report.stopped_because == "no improvement":
        since = next((p.seconds for p in report.curve if p.step == summary.plateau.since), 0.0)
        minute = f"minute {since / 60:.0f} of {total / 60:.0f}"
        lines.append(f"{error}: ended by itself, since {minute} it has fallen by less than 1 %")
        lines.append(
            "more minutes would hardly help; more varied footage may: effigie faces review says what is missing"
        )
    elif not summary.plateau.improving:
        lines.append(f"{error}, {summary.plateau}: more minutes will hardly help")
    else:
        forecast = f", {summary.forecast}" if str(summary.forecast) else ""
        worth_it = summary.forecast.is_expected
        advice = "run it again to train on" if worth_it else "more minutes will hardly help"
        lines.append(f"{error}, still improving{forecast}: {advice}")
    if report.best is not None and report.best.step < report.steps:
        lines.append(
            f"the model is as it was after {format_duration(report.best.seconds)}, step {report.best.step}, "
            f"when the error was {report.best.error:.4f}; training goes on from step {report.steps}"
        )
    return lines


def format_processes(processes: int) -> str:
    """`` on 2 processes``; empty for one."""
    return "" if processes == 1 else f" on {processes} processes"


def _format_error(report: Any) -> str:
    return "" if report.held_out_error is None else f", held-out error {report.held_out_error:.4f}"


def _print_report(report: Any, summary: str, as_json: bool) -> None:
    """Print where the model lies, what was done and why it ended, or the whole report as JSON."""
    if as_json:
        print_json({**to_stored(report), "curve": len(report.curve)})
        return
    print_line(f"{report.output}: {summary}; stopped: {report.stopped_because}")
    print_notes(report.notes)
