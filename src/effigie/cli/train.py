"""`effigie train`: two face sets in, a model out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from effigie.cli.console import INTERRUPT, Json, counted, on, print_json, progress_display, say
from effigie.cli.devices import Devices, spread

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
    project: Annotated[
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
    source_who: Annotated[int | None, typer.Option(help="Person of the source set, 0 = most faces.")] = None,
    target_who: Annotated[int | None, typer.Option(help="Person of the target set, 0 = most faces.")] = None,
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
        source_who=source_who,
        target_who=target_who,
        device=device,
        precision=precision,  # type: ignore[arg-type]  # checked by the settings
        seed=seed,
    )
    if spread(devices):
        return
    with progress_display() as progress:
        report = run(
            source,
            target,
            output,
            settings,
            consent=consent,
            project=project,
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
                "best": report.best and asdict(report.best),
                "parts": {name: asdict(part) for name, part in report.standing.parts.items()},
                "next_gain_seconds": report.standing.ahead.seconds,
                "gain_in_sight": report.standing.ahead.in_sight,
                "stopped_because": report.stopped_because,
                "processes": report.processes,
                "notes": list(report.notes),
            }
        )
        return
    for line in told(report):
        say(line)
    for note in report.notes:
        say(f"note: {note}")


def told(report: TrainReport) -> list[str]:
    """What came of it, whether more minutes would help, and whose weights the model has: a sentence a line."""
    from effigie.training.monitor.forecast import duration
    from effigie.training.monitor.progress_summary import in_parts

    standing, total = report.standing, report.curve[-1].seconds
    lines = [
        f"{report.output}: {counted(report.steps, 'step')} in {duration(total)}, "
        f"{report.images_per_second:.0f} images/s{on(report.processes)}; curve.png and preview.png lie there"
    ]
    error = f"held-out error {standing.error:.4f}{in_parts(standing.parts)}"
    if report.stopped_because == "no improvement":
        since = next((p.seconds for p in report.curve if p.step == standing.plateau.since), 0.0)
        minute = f"minute {since / 60:.0f} of {total / 60:.0f}"
        lines.append(f"{error}: ended by itself, since {minute} it has fallen by less than 1 %")
        lines.append(
            "more minutes would hardly help; more varied footage may: effigie faces review says what is missing"
        )
    elif not standing.plateau.improving:
        lines.append(f"{error}, {standing.plateau}: more minutes will hardly help")
    else:
        ahead = f", {standing.ahead}" if str(standing.ahead) else ""
        advice = "run it again to train on" if standing.ahead.in_sight else "more minutes will hardly help"
        lines.append(f"{error}, still improving{ahead}: {advice}")
    if report.best is not None and report.best.step < report.steps:
        lines.append(
            f"the model is as it was after {duration(report.best.seconds)}, step {report.best.step}, when the error "
            f"was {report.best.error:.4f}; training goes on from step {report.steps}"
        )
    return lines
