"""Running a training verb on several devices of this machine."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from effigie.cli.console import INTERRUPT
from effigie.errors import CancelledError, UsageError
from effigie.execution.launch import exit_with_launcher, launch, read_rank_info

Devices = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="GPUs of this machine to train on, a process each; with --device cpu so many processes.",
    ),
]


def run_on_devices(devices: int) -> bool:
    """Run this command line again in ``devices`` processes and wait; False where this is one of them, or they are one.

    Raises:
        UsageError: fewer than one, or another number than torchrun has started.
        typer.Exit: they have ended with this code.
    """
    if devices < 1:
        raise UsageError(f"devices must be 1 or more, not {devices}")
    world = read_rank_info(os.environ)
    if world.size > 1:
        if devices not in (1, world.size):
            raise UsageError(
                f"--devices {devices}, but {world.size} processes were started: leave it to torchrun"
            )
        exit_with_launcher()
        return False
    if devices == 1:
        return False
    code = launch([sys.executable, "-m", "effigie", *sys.argv[1:]], devices, INTERRUPT)
    if INTERRUPT.is_requested:
        raise CancelledError("stopped; finished work is kept, run the same command to continue")
    if code:
        raise typer.Exit(code)
    return True
