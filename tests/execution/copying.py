"""The work of the job tests: writes a clip's bytes in capitals; some clips' bytes cause a given failure."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil

from effigie.errors import MediaError, RefusedError
from effigie.io.atomic_write import atomic_write
from effigie.progress import Progress

HANGS_S = 300  # what has not happened by then never will


def capitals(folder, clip, output, progress, cancel):
    """Writes a line per call into ``folder``. Clips that contain ``held`` wait while a file of that name exists."""
    folder = Path(folder)
    said = clip.read_bytes()
    with (folder / f"calls-{os.getpid()}").open("ab") as stream:
        stream.write(clip.name.encode() + b"\n")
    until = time.monotonic() + HANGS_S
    while said.startswith(b"held") and (folder / "held").exists() and time.monotonic() < until:
        progress(Progress("copy", 0.5, 1))
        cancel.check()
        time.sleep(0.01)
    if said.startswith(b"broken"):
        raise MediaError(f"{clip} is broken")
    if said.startswith(b"refused"):
        raise RefusedError(f"{clip} is refused")
    if said.startswith(b"surprise"):
        raise ZeroDivisionError("nobody thought of that")
    if said.startswith(b"flaky") and calls(folder).count(clip.name) < 2:
        raise MediaError(f"{clip} fails the first time")
    if said.startswith(b"deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    with atomic_write(output) as temporary:
        temporary.write_bytes(said.upper())
    output.with_name(f"{output.name}.notice.txt").write_text("made here")
    return {"frames": len(said), "notes": []}


def calls(folder):
    """Names of the clips of all calls."""
    return [line for path in Path(folder).glob("calls-*") for line in path.read_text().splitlines()]


def callers(folder):
    """Numbers of the processes that have been called."""
    return [int(path.name.removeprefix("calls-")) for path in Path(folder).glob("calls-*")]


def until(happened):
    """Wait for a condition, with a limit."""
    end = time.monotonic() + HANGS_S
    while not happened():
        assert time.monotonic() < end, "it has not come to pass"
        time.sleep(0.01)


def lives(number):
    """Whether a process is alive; an ended one may remain as a zombie."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
