"""`effigie demo`: from nothing to a judged swap, on samples that pip fetches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from effigie.cli.console import INTERRUPT, OUT, Json, print_json, progress_display


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for everything.")] = Path(
        "effigie-demo"
    ),
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 4.0,
    as_json: Json = False,
) -> None:
    """Swap a face in a sample clip and measure it; let one picture move as somebody else does."""
    from effigie.demo import demo as run

    with progress_display() as progress:
        report = run(output, minutes, progress=progress, cancel=INTERRUPT)
    if as_json:
        print_json(
            {
                **{
                    name: str(getattr(report, name))
                    for name in ("video", "sheet", "curve", "preview", "portrait", "talking")
                },
                "verdict": report.verdict,
                "verify": report.found,
                "scores": report.scores.to_json(),
            }
        )
        return
    for line in report.verdict:
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)
    OUT.print("what `effigie verify` finds in it:", markup=False, highlight=False)
    for line in report.found:
        OUT.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    for label, path in (
        ("swapped clip", report.video),
        ("before and after", report.sheet),
        ("a portrait", report.portrait),
        ("one picture, moving", report.talking),
        ("training curve", report.curve),
        ("training preview", report.preview),
    ):
        OUT.print(f"{label + ':':21}{path}", markup=False, highlight=False, soft_wrap=True)
