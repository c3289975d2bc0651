"""`effigie occlusion train`: face sets of many people in, a network that knows what covers a face out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from effigie.cli.console import INTERRUPT, Json, format_count, print_json, print_line, progress_display
from effigie.io.stored_names import to_stored


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Learn what covers a face.", no_args_is_help=True, rich_markup_mode=None)
    group.command("train")(train)
    app.add_typer(group, name="occlusion")


def train(
    faces: Annotated[
        list[Path], typer.Argument(metavar="FACES...", help="Face sets of many people, films or stills.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The model, a folder.")],
    minutes: Annotated[float | None, typer.Option(help="How long to train.")] = None,
    steps: Annotated[int | None, typer.Option(help="Or how many steps in all.")] = None,
    batch: Annotated[int, typer.Option(help="Pictures a step.")] = 16,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = 2e-3,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="Of torch on the CPU.")] = None,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    as_json: Json = False,
) -> None:
    """Learn what covers a face, from occluders painted over many faces. Run again to train on.

    Without --minutes and --steps it trains until the error on faces held out stops improving.
    """
    from effigie.occlusion import OcclusionSettings, train_occlusion

    settings = OcclusionSettings(
        minutes=minutes,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        device=device,
        precision=cast(Any, precision),  # checked by the settings themselves
        threads=threads,
        seed=seed,
    )
    with progress_display() as progress:
        report = train_occlusion(faces, output, settings, progress=progress, cancel=INTERRUPT)
    if as_json:
        print_json({**to_stored(report), "curve": len(report.curve)})
        return
    learned, kept, left_out = report.faces
    error = "" if report.held_out_error is None else f", held-out error {report.held_out_error:.4f}"
    print_line(
        f"{report.output}: {format_count(report.steps, 'step')} on {format_count(learned, 'face')} ({kept} held out, "
        f"{left_out} left out: glasses, or hardly measured){error}; stopped: {report.stopped_because}"
    )
    for note in report.notes:
        print_line(f"note: {note}")
