"""`effigie train`: two face sets in, a model out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from effigie.cli.console import (
    INTERRUPT,
    Json,
    format_count,
    format_processes,
    print_json,
    print_line,
    progress_display,
)
from effigie.cli.devices import Devices, run_on_devices
from effigie.io.stored_names import to_stored

if TYPE_CHECKING:
    from effigie.swap import TrainReport


def register(app: typer.Typer) -> None:
    app.command("train")(train)


def train(
    source: Annotated[
        Path, typer.Option(metavar="FACES_B", help="Face set of the person who will be shown.")
    ],
    target: Annotated[Path, typer.Option(metavar="FACES_A", help="Face set of the person in the footage.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="MODEL", help="The model, a folder.")],
    consent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RECORD", help="Consent of the person shown, file or id; by default looked for."
        ),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="What it is for, if a consent is limited to that.")
    ] = None,
    preset: Annotated[str, typer.Option(help="tiny (128 px, CPUs), base (256) or large (384).")] = "tiny",
    prior: Annotated[str, typer.Option(help="mesh: geometry first; none: the classic autoencoder.")] = "mesh",
    minutes: Annotated[float | None, typer.Option(help="How long to train.")] = None,
    steps: Annotated[int | None, typer.Option(help="Or how many steps in all.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step, both people together.")] = None,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = 5e-4,
    identity: Annotated[
        float | None,
        typer.Option(help="Share of the likeness term, 0 to 4; by default the preset's. 0 leaves it out."),
    ] = None,
    adversary: Annotated[
        float | None, typer.Option(help="Share of the adversary, likewise: sharper, slower, needs patience.")
    ] = None,
    perceptual: Annotated[
        float | None, typer.Option(help="Share of the perceptual distance (VGG16), likewise; for GPUs.")
    ] = None,
    source_person: Annotated[
        int | None, typer.Option(help="Person of the source set, 0 = most faces.")
    ] = None,
    target_person: Annotated[
        int | None, typer.Option(help="Person of the target set, 0 = most faces.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    devices: Devices = 1,
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    as_json: Json = False,
) -> None:
    """Learn to put the source's face into the target's footage. Run again to train on.

    Without --minutes and --steps it trains until the held-out error stops improving.
    """
    from effigie.swap import SwapSettings
    from effigie.swap import train as run

    settings = SwapSettings(
        preset=preset,
        prior=prior,
        minutes=minutes,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        identity=identity,
        adversary=adversary,
        perceptual=perceptual,
        source_person=source_person,
        target_person=target_person,
        device=device,
        precision=precision,  # type: ignore[arg-type]  # checked by the settings
        seed=seed,
    )
    if run_on_devices(devices):
        return
    with progress_display() as progress:
        report = run(
            source,
            target,
            output,
            settings,
            consent=consent,
            purpose=purpose,
            progress=progress,
            cancel=INTERRUPT,
        )
    if as_json:
        print_json(
            {
                "output": report.output,
                "steps": report.steps,
                "seconds": report.seconds,
                "images_per_second": report.images_per_second,
                "held_out_error": report.held_out_error,
                "improving": report.improving,
                "best": report.best and to_stored(report.best),
                "parts": {name: to_stored(part) for name, part in report.progress_summary.parts.items()},
                "next_gain_seconds": report.progress_summary.forecast.seconds,
                "gain_in_sight": report.progress_summary.forecast.is_expected,
                "stopped_because": report.stopped_because,
                "processes": report.processes,
                "notes": list(report.notes),
            }
        )
        return
    for line in format_report(report):
        print_line(line)
    for note in report.notes:
        print_line(f"note: {note}")


def format_report(report: TrainReport) -> list[str]:
    """The result, whether more minutes would help, and which weights the model has: a sentence a line."""
    from effigie.training.monitor.forecast import format_duration
    from effigie.training.monitor.progress_summary import format_parts

    progress_summary, total = report.progress_summary, report.curve[-1].seconds
    lines = [
        f"{report.output}: {format_count(report.steps, 'step')} in {format_duration(total)}, "
        f"{report.images_per_second:.0f} images/s{format_processes(report.processes)}; "
        "curve.png and preview.png lie there"
    ]
    error = f"held-out error {progress_summary.error:.4f}{format_parts(progress_summary.parts)}"
    if report.stopped_because == "no improvement":
        since = next((p.seconds for p in report.curve if p.step == progress_summary.plateau.since), 0.0)
        minute = f"minute {since / 60:.0f} of {total / 60:.0f}"
        lines.append(f"{error}: ended by itself, since {minute} it has fallen by less than 1 %")
        lines.append(
            "more minutes would hardly help; more varied footage may: effigie faces review says what is missing"
        )
    elif not progress_summary.plateau.improving:
        lines.append(f"{error}, {progress_summary.plateau}: more minutes will hardly help")
    else:
        forecast = f", {progress_summary.forecast}" if str(progress_summary.forecast) else ""
        advice = (
            "run it again to train on"
            if progress_summary.forecast.is_expected
            else "more minutes will hardly help"
        )
        lines.append(f"{error}, still improving{forecast}: {advice}")
    if report.best is not None and report.best.step < report.steps:
        lines.append(
            f"the model is as it was after {format_duration(report.best.seconds)}, step {report.best.step}, "
            f"when the error was {report.best.error:.4f}; training goes on from step {report.steps}"
        )
    return lines
