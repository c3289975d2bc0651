"""`effigie studio`: a window on a workspace, in the browser of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from effigie.cli.console import print_line


def register(app: typer.Typer) -> None:
    app.command("studio")(studio)


def studio(
    workspace: Annotated[
        Path, typer.Argument(metavar="[WORKSPACE]", help="The project's folder; a new one is made.")
    ] = Path(),
    port: Annotated[
        int | None, typer.Option(metavar="N", help="Port of 127.0.0.1; by default the last one, or any that is free.")
    ] = None,
    media: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="Clips may be picked there, too; repeat for more.")
    ] = None,
    browser: Annotated[bool, typer.Option(" /--no-browser", help="Only print the address.")] = True,
) -> None:
    """Open a workspace in the browser: consent, clips, faces, training, results. Ctrl-C ends it; jobs go on."""
    from effigie.studio import run_studio

    run_studio(workspace, port, media=media or (), browser=browser, on_address=print_line)
