"""`effigie verify`: where a file comes from, as far as can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from effigie.cli.console import INTERRUPT, Json, print_json, print_line


def register(app: typer.Typer) -> None:
    app.command("verify")(verify)


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any file: video, still, sound, ours or not.")],
    as_json: Json = False,
) -> None:
    """Say where FILE comes from: credentials, invisible mark, ledger, consent. Contacts nobody, needs no set-up.

    Exit code 0 whenever there is a verdict, whichever it is; 1 if FILE cannot be read.
    """
    from effigie.provenance.verifier import verify as look

    found = look(file, cancel=INTERRUPT)
    if as_json:
        print_json(found.to_json())
        return
    for line in found.lines:
        print_line(line)
