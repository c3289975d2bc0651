"""`effigie meta-train`: face sets of many people in, a talking-head model out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

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


def register(app: typer.Typer) -> None:
    app.command("meta-train")(meta_train)


def meta_train(
    faces: Annotated[
        list[Path], typer.Argument(metavar="FACES...", help="Face sets of many people, films or stills.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="HEADS", help="The model, a folder.")],
    preset: Annotated[
        str, typer.Option(help="nano (128 px, CPUs), base (256) or paper (256, its exact sizes).")
    ] = "nano",
    prior: Annotated[str, typer.Option(help="mesh: geometry first; none: the paper's bare form.")] = "mesh",
    minutes: Annotated[float | None, typer.Option(help="How long to train.")] = None,
    steps: Annotated[int | None, typer.Option(help="Or how many steps in all.")] = None,
    batch: Annotated[int | None, typer.Option(help="Examples a step.")] = None,
    shots: Annotated[int | None, typer.Option(help="Most pictures a person is embedded from (K).")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of embedder and generator.")] = None,
    content: Annotated[str, typer.Option(help="Content loss: light, full (the paper's) or none.")] = "light",
    adversary: Annotated[
        str | None, typer.Option(help="paired, hinge (the paper's) or none; by default by the prior.")
    ] = None,
    match: Annotated[float, typer.Option(help="Weight of the embedding match; 0: feed-forward only.")] = 0.1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    devices: Devices = 1,
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    as_json: Json = False,
) -> None:
    """Learn talking heads from many people. Run again to train on.

    Without --minutes and --steps it trains until the error on people held out stops improving.
    """
    from effigie.heads import MetaSettings
    from effigie.heads import meta_train as run

    settings = MetaSettings(
        preset=preset,
        prior=prior,
        minutes=minutes,
        steps=steps,
        batch=batch,
        shots=shots,
        learning_rate=learning_rate,
        content=content,
        adversary=cast(Any, adversary),
        match=match,
        device=device,
        precision=cast(Any, precision),  # checked by the settings themselves
        seed=seed,
    )
    if run_on_devices(devices):
        return
    with progress_display() as progress:
        report = run(faces, output, settings, progress=progress, cancel=INTERRUPT)
    if as_json:
        print_json({**to_stored(report), "curve": len(report.curve)})
        return
    learned, kept = report.people
    error = "" if report.held_out_error is None else f", held-out error {report.held_out_error:.4f}"
    print_line(
        f"{report.output}: {format_count(report.steps, 'step')} on {learned} people ({kept} held out){error}, "
        f"{report.examples_per_second:.1f} examples/s{format_processes(report.processes)}; "
        f"stopped: {report.stopped_because}"
    )
    for note in report.notes:
        print_line(f"note: {note}")
