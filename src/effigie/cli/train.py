"""`effigie train`: two face sets in, a model out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from effigie.cli.console import INTERRUPT, Json, counted, print_json, progress_display, say


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
                "stopped_because": report.stopped_because,
                "notes": list(report.notes),
            }
        )
        return
    state = "still improving: more minutes will help" if report.improving else "no longer improving"
    say(f"{report.output}: {counted(report.steps, 'step')}, {report.images_per_second:.0f} images/s")
    say(f"held-out error {report.held_out_error:.4f}, {state}; curve.png and preview.png lie there")
    for note in report.notes:
        say(f"note: {note}")
