"""The `effigie` command: one Typer application."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from effigie._version import __version__
from effigie.cli import (
    animate,
    background,
    consent,
    convert,
    dub,
    evaluate,
    extract,
    faces,
    samples,
    studio,
    swap,
    train,
    voice,
)
from effigie.cli.console import (
    ERRORS,
    INTERRUPT,
    INTERRUPT_HOLD,
    STOPPED_MESSAGE,
    configure_reporting,
    end_reporting,
    is_leader,
    make_streams_safe,
    print_error,
    print_line,
    process_rank,
)
from effigie.cli.renamed_options import refuse_old_names
from effigie.cli.reporting import STYLES, StatusFile
from effigie.errors import CancelledError, EffigieError, UsageError
from effigie.io.atomic_write import convert_os_error

app = typer.Typer(
    name="effigie",
    help="Put a consenting person's face into video, and prove it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verbs in (swap, studio, samples, extract, faces, consent, train, convert, animate, dub, voice, evaluate):
    verbs.register(app)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"effigie {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
    progress: Annotated[
        str, typer.Option(metavar="STYLE", help="On standard error: auto, bar, lines, json (one a second) or none.")
    ] = "auto",
    status: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep one line of JSON there: state, stage, rate, time left; for monitors."),
    ] = None,
    in_background: Annotated[
        Path | None,
        typer.Option(
            background.OPTION,
            metavar="LOG",
            help="Go on when the terminal closes, writing to LOG; LOG.status has the status.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that every verb shares; they stand before the verb."""
    if progress not in STYLES:
        raise UsageError(f"--progress is one of {', '.join(STYLES)}, not {progress!r}")
    if in_background is None:
        configure_reporting(progress, None if status is None or not is_leader() else StatusFile(status, sys.argv[1:]))
        return
    arguments = background.remove_option(sys.argv[1:])
    if status is None:
        status = in_background.with_name(f"{in_background.name}.status")
        arguments = ["--status", str(status), *arguments]
    process = background.start(arguments, in_background)
    print_line(f"process {process.pid} works in the background; log: {in_background}, status: {status}")
    if failure := background.wait_for_early_failure(process, in_background):
        code, text = failure
        ERRORS.print(text.rstrip(), soft_wrap=True, markup=False, highlight=False)
        raise typer.Exit(code)
    raise typer.Exit


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 bad usage, 3 refused, 130 interrupted."""
    make_streams_safe()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    hangup = getattr(signal, "SIGHUP", None)  # a terminal that closes; nohup has it ignored, and so it stays
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        signal.signal(hangup, _interrupt)
    if level := os.environ.get("EFFIGIE_LOG"):  # for developers; what users see is the progress
        logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
        logging.getLogger("effigie").setLevel(logging.getLevelNamesMapping().get(level.upper(), logging.DEBUG))
    code, complaint = EffigieError.exit_code, "ended by an error"
    try:
        code, complaint = _run("--debug" in sys.argv)
    finally:
        end_reporting(code, complaint)
    if complaint:
        print_error(complaint)
    sys.exit(code)


def _run(debug: bool) -> tuple[int, str]:
    """Run the application; returns exit code and error message."""
    try:
        arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
        refuse_old_names(arguments)
        app(args=arguments)
    except SystemExit as ending:  # Typer's own: all is done, or it has complained itself
        return (ending.code if isinstance(ending.code, int) else 0), ""
    except EffigieError as error:
        if debug:
            raise
        return error.exit_code, "" if error.is_reported else str(error)
    except Exception as error:
        if debug:
            raise
        if INTERRUPT.is_requested:  # it came up in the middle of an import, or of somebody else's clearing up
            return CancelledError.exit_code, STOPPED_MESSAGE
        return EffigieError.exit_code, explain_fault(error)
    return 0, ""


def explain_fault(error: Exception) -> str:
    """One line about an exception that no part of effigie expected: what happened, and what to do."""
    reason = (str(error).strip().splitlines() or ["no reason given"])[0]
    if isinstance(error, MemoryError) or "out of memory" in reason.lower():
        return f"not enough memory ({reason}): close other programs, use fewer --workers, or smaller footage"
    if isinstance(error, ModuleNotFoundError):
        return f"the Python package {error.name} is missing: install effigie again (pip install --force-reinstall)"
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        return str(convert_os_error(error, Path(os.fsdecode(error.filename))))
    return f"a fault of effigie, {type(error).__name__}: {reason}; please report it with what `effigie --debug` prints"


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ctrl-C and a polite kill unwind the stack, so that every half-written file is removed on the way.

    Where the exception is swallowed, as in a finaliser, the flag stops the call at its next safe place.
    """
    is_repeated = INTERRUPT.is_requested
    INTERRUPT.set()
    if INTERRUPT_HOLD.is_set() and not is_repeated:
        return
    # A terminal and torchrun both tell each of several processes: the second time it is saving already.
    if not (is_repeated and process_rank().size > 1):
        raise CancelledError(STOPPED_MESSAGE)
