"""`effigie faces review`: what to take out of a face set before training, and what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from effigie.cli.console import INTERRUPT, OUT, Json, format_count, print_json, print_line, progress_display


def review(
    faces: Annotated[Path, typer.Argument(metavar="FACES", help="A face set that `effigie extract` wrote.")],
    target: Annotated[
        Path | None,
        typer.Option(metavar="FACES", help="Whose footage it is for: says what of it this set never shows."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PNG", help="Draw some faces of every finding.")
    ] = None,
    person: Annotated[int, typer.Option(min=0, help="The person that the set is of (0 = most faces).")] = 0,
    drop: Annotated[bool, typer.Option("--drop", help="Take out what is proposed, for good.")] = False,
    as_json: Json = False,
) -> None:
    """Find strangers, covered, blurred, badly lit and repeated faces; advise what the footage lacks."""
    import effigie
    from effigie import faceset

    with progress_display() as progress:
        found = effigie.review(faces, target, output, person, progress=progress, cancel=INTERRUPT)
    gone = faceset.drop(faces, names=found.proposed_drops) if drop and found.proposed_drops else None
    if as_json:
        extra: dict[str, Any] = {"proposed": len(found.proposed_drops), "dropped": gone.faces if gone else 0}
        print_json(found.to_json() | extra)
        return
    print_line(
        f"{found.path}: {format_count(found.faces, 'face')} looked at, {len(found.proposed_drops)} better dropped"
    )
    if found.findings:
        table = Table("finding", "faces", "share", "", "why")
        for one in found.findings:
            share = f"{100 * len(one.names) / found.faces:.1f} %"
            table.add_row(
                one.kind, str(len(one.names)), share, "drop" if one.drop else "all are so: kept", one.why
            )
        OUT.print(table)
    for lack in found.gaps:
        print_line(str(lack))
    if found.affected is not None:
        print_line(
            f"{100 * found.affected:.0f} % of the target's frames ask for something this set never shows"
        )
    if gone is not None:
        print_line(f"dropped {gone.faces}; {gone.remaining} remain")
    elif found.proposed_drops:
        print_line(
            "nothing was dropped: --drop takes them out, `effigie faces drop FACES NAME...` single ones"
        )
    if found.sheet is not None:
        print_line(f"some of them: {found.sheet}")
