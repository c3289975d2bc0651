"""What the tests of jobs make of a clip: its bytes in capitals; and clips whose bytes say what is to go wrong."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from effigie.errors import MediaError, RefusedError
from effigie.io.atomic import atomic
from effigie.progress import Progress


def capitals(arguments, clip, output, progress, cancel):
    """``arguments``: a folder in which every call leaves a line, and how many seconds a clip takes."""
    folder, seconds = arguments
    said = clip.read_bytes()
    with (Path(folder) / f"calls-{os.getpid()}").open("ab") as stream:
        stream.write(clip.name.encode() + b"\n")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        progress(Progress("copy", 1 - (until - time.monotonic()) / seconds, 1))
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
    with atomic(output) as temporary:
        temporary.write_bytes(said.upper())
    output.with_name(f"{output.name}.notice.txt").write_text("made here")
    return {"frames": len(said), "notes": []}


def calls(folder):
    """Names of the clips of all calls."""
    return [line for path in Path(folder).glob("calls-*") for line in path.read_text().splitlines()]
