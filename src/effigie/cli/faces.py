"""`effigie faces`: look into a face set and put it in order."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=__doc__, no_args_is_help=True)
    app.add_typer(group, name="faces")
