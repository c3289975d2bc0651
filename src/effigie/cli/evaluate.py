"""`effigie evaluate`: measure what was made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from effigie.cli.console import OUT, Json, print_json, progress_display


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=__doc__, no_args_is_help=True)
    group.command("swap")(swap)
    app.add_typer(group, name="evaluate")


def swap(
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The clip that `effigie convert` wrote.")],
    given: Annotated[Path, typer.Option("--input", metavar="CLIP", help="The clip it was made from.")],
    source: Annotated[
        Path, typer.Option("--source", metavar="FACES_B", help="Faces of the person who is to be seen.")
    ],
    target: Annotated[
        Path, typer.Option("--target", metavar="FACES_A", help="Faces of the person in the input.")
    ],
    masks: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The masks that `convert --masks` wrote.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw the worst frames by every metric.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Measure identity on every n-th frame.")] = 5,
    source_who: Annotated[
        int, typer.Option("--source-who", metavar="N", help="Person of FACES_B; 0 has the most faces.")
    ] = 0,
    target_who: Annotated[
        int, typer.Option("--target-who", metavar="N", help="Person of FACES_A; 0 has the most faces.")
    ] = 0,
    crf: Annotated[
        int, typer.Option(min=0, max=51, help="Quality at which OUTPUT was encoded, to encode CLIP alike.")
    ] = 16,
    as_json: Json = False,
) -> None:
    """Measure a swapped clip: identity, movement, sharpness, flicker, everything outside the face, sound."""
    from effigie.evaluate import EvaluateSettings, evaluate_swap
    from effigie.media import EncodeSettings

    settings = EvaluateSettings(every, EncodeSettings(crf=crf), source_who=source_who, target_who=target_who)
    with progress_display() as progress:
        scores = evaluate_swap(
            output, given, source, target, masks, sheet=sheet, settings=settings, progress=progress
        )
    if as_json:
        print_json(scores.to_json() | {"figures": [figure.to_json() for figure in scores.figures()]})
        return
    table = Table("what", "measured", "should be", "")
    for figure in scores.figures():
        verdict = {None: "", True: "[green]reached[/]", False: "[red]missed[/]"}[figure.reached]
        table.add_row(figure.name, figure.shown, figure.wanted, verdict)
    OUT.print(table)
    for note in scores.notes:
        OUT.print(f"note: {note}", soft_wrap=True, markup=False, highlight=False)
