"""`effigie tune`: a few pictures of one person in, their talking-head model out."""

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
    app.command("tune")(tune)


def tune(
    pictures: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE...", help="Pictures, clips or face sets of the person."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PERSON", help="The person's model, a folder.")
    ],
    heads: Annotated[
        Path | None,
        typer.Option(metavar="HEADS", help="A folder made by meta-train; the model that ships by default."),
    ] = None,
    consent: Annotated[
        list[str] | None,
        typer.Option(metavar="RECORD", help="Consent of the person, file or id; by default looked for."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="What it is for, if a consent is limited to that.")
    ] = None,
    shots: Annotated[int, typer.Option(help="Pictures taken of each clip or face set, at most 32.")] = 8,
    person: Annotated[int | None, typer.Option(help="Which of several faces, 0 = the largest.")] = None,
    steps: Annotated[int | None, typer.Option(help="How many steps; by default by the pictures.")] = None,
    minutes: Annotated[float | None, typer.Option(help="How long at most.")] = None,
    content: Annotated[str, typer.Option(help="Content loss: light, full or none.")] = "light",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    devices: Devices = 1,
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    as_json: Json = False,
) -> None:
    """Tune a talking-head model to one person; it stops before mimicry suffers."""
    from effigie.heads import TuneSettings
    from effigie.heads import tune as run

    settings = TuneSettings(
        shots=shots,
        steps=steps,
        minutes=minutes,
        person=person,
        content=content,
        device=device,
        precision=cast(Any, precision),  # checked by the settings themselves
        seed=seed,
    )
    if run_on_devices(devices):
        return
    with progress_display() as progress:
        report = run(
            heads,
            pictures,
            output,
            settings,
            consent=consent,
            purpose=purpose,
            progress=progress,
            cancel=INTERRUPT,
        )
    if as_json:
        print_json({**to_stored(report), "curve": len(report.curve)})
        return
    print_line(
        f"{report.output}: {format_count(report.shots, 'picture')}, {format_count(report.steps, 'step')} in "
        f"{report.seconds:.0f} s{format_processes(report.processes)}; "
        f"held-out error {report.held_out[0]:.4f} -> {report.held_out[1]:.4f}, "
        f"mimicry {100 * report.mimicry[0]:.1f} -> {100 * report.mimicry[1]:.1f} % of the eye distance; "
        f"stopped: {report.stopped_because}"
    )
    for note in report.notes:
        print_line(f"note: {note}")
