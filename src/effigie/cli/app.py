"""The `effigie` command: one Typer application whose verbs live in a file each."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from effigie import __version__
from effigie.cli import (
    animate,
    assets,
    bench,
    consent,
    convert,
    demo,
    evaluate,
    extract,
    faces,
    meta_train,
    occlusion,
    train,
    tune,
    verify,
)
from effigie.cli.console import INTERRUPT, complain, place
from effigie.errors import Cancelled, EffigieError

app = typer.Typer(
    name="effigie",
    help="Put a consenting person's face into video, and prove it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in (
    demo,
    extract,
    faces,
    consent,
    train,
    convert,
    meta_train,
    occlusion,
    tune,
    animate,
    verify,
    evaluate,
    assets,
    bench,
):
    verb.register(app)


STOPPED = "stopped; finished work is kept, run the same command to continue"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"effigie {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that every verb shares."""


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 bad usage, 3 refused, 130 interrupted."""
    debug = "--debug" in sys.argv
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app(args=[argument for argument in sys.argv[1:] if argument != "--debug"])
    except EffigieError as error:
        if debug:
            raise
        if not error.told:
            complain(str(error))
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            raise
        if INTERRUPT.requested:  # it came up in the middle of an import, or of somebody else's clearing up
            complain(STOPPED)
            sys.exit(Cancelled.exit_code)
        reason = str(error).strip().splitlines() or ["no reason given"]
        complain(f"{type(error).__name__}: {reason[0]} (not foreseen; --debug shows where it happened)")
        sys.exit(EffigieError.exit_code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ctrl-C and a polite kill unwind the stack, so that every half-written file is removed on the way.

    Where the exception is swallowed, as in a finaliser, the flag stops the call at its next safe place.
    """
    again = INTERRUPT.requested
    INTERRUPT.set()
    # A terminal and torchrun both tell each of several processes: the second time it is saving already.
    if not (again and place().size > 1):
        raise Cancelled(STOPPED)
