"""Starting a training verb on several devices of this machine, and keeping all processes but the first quiet."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from effigie.cli.console import INTERRUPT
from effigie.errors import Cancelled, UsageError
from effigie.execution.launch import announced, die_with_launcher, launch

Devices = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="GPUs of this machine to train on, a process each; with --device cpu so many processes.",
    ),
]


def spread(devices: int) -> bool:
    """Run this command line again in ``devices`` processes and wait, if they are not here already; tell whether.

    Raises:
        UsageError: fewer than one, or another number than torchrun has started.
        typer.Exit: they have ended with this code.
    """
    if devices < 1:
        raise UsageError(f"devices must be 1 or more, not {devices}")
    world = announced(os.environ)
    if world.size > 1:
        if devices not in (1, world.size):
            raise UsageError(
                f"--devices {devices}, but {world.size} processes were started: leave it to torchrun"
            )
        die_with_launcher()
        return False
    if devices == 1:
        return False
    code = launch([sys.executable, "-m", "effigie", *sys.argv[1:]], devices, INTERRUPT)
    if INTERRUPT.requested:
        raise Cancelled("stopped; finished work is kept, run the same command to continue")
    if code:
        raise typer.Exit(code)
    return True
