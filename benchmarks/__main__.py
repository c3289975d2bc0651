"""`python -m benchmarks`: measures every figure of docs/results.md."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.bench import run_bench
from effigie.cli.console import OUT, print_error, print_json, progress_display
from effigie.cli.options import Json
from effigie.errors import CancelledError, EffigieError


def bench(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Results, and all that the rows make.")
    ] = Path("bench"),
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="clips/ and clips.tsv; without it the samples that pip carries."),
    ] = None,
    only: Annotated[
        str, typer.Option(metavar="ROW,...", help="Only these rows, or those that begin so, e.g. swap.")
    ] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Tiny budgets: does every row run?")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also rows that have a result already.")] = False,
    write_docs: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Put the tables into results.md there, and add a line a row to history.md."
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="DEVICE", help="Where networks are trained and run: cpu, cuda, cuda:1, mps.")
    ] = "auto",
    as_json: Json = False,
) -> None:
    """Measure speed, memory, training and swaps; an hour or two. Stopped, it goes on where it was."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    with progress_display() as progress:
        results = run_bench(output, data, names, quick, again, write_docs, device, progress=progress)
    if as_json:
        print_json({name: result.to_json() for name, result in results.items()})
        return
    table = Table("row", "what", "measured", "must be", "")
    for name, result in results.items():
        for figure in result.figures:
            verdict = {None: "", True: "[green]reached[/]", False: "[red]missed[/]"}[figure.is_reached]
            table.add_row(name, figure.name, figure.value_text, figure.bounds_text, verdict)
    OUT.print(table)


def main() -> None:
    """Run the command line and exit as `effigie` does: 0 done, 1 failed, 2 bad usage, 3 refused, 130 interrupted."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(bench)
    try:
        app()
    except EffigieError as error:
        print_error(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print_error("stopped; finished rows are kept, run the same command to continue")
        sys.exit(CancelledError.exit_code)


if __name__ == "__main__":
    main()
