"""``effigie --background LOG VERB …``: a command that goes on when its terminal closes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from effigie.errors import UsageError

OPTION = "--background"
# A command that is wrong in itself fails within them, and says so here instead of in a log.
EARLY_FAILURE_S = 3.0
LOG_TAIL_CHARS = 2000  # characters of the log that are shown then


def start(arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Run ``effigie`` with ``arguments`` in a session of its own, writing to ``log``."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        output = log.open("ab")
    except OSError as error:
        raise UsageError(f"the log cannot be written to {log}: {error.strerror}") from error
    session_options: dict[str, object] = {"start_new_session": True}
    if os.name == "nt":
        session_options = {"creationflags": 0x00000208}  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    with output:
        return subprocess.Popen(
            [sys.executable, "-m", "effigie", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **session_options,  # type: ignore[call-overload]
        )


def remove_option(arguments: Sequence[str]) -> list[str]:
    """The arguments without ``--background LOG`` or ``--background=LOG``."""
    rest, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument == OPTION:
            skip = True
        elif not argument.startswith(f"{OPTION}="):
            rest.append(argument)
    return rest


def wait_for_early_failure(process: subprocess.Popen[bytes], log: Path) -> tuple[int, str] | None:
    """Exit code and the log's end of a process that failed at once; None if it is at work, or done already."""
    start_time = time.monotonic()
    while time.monotonic() - start_time < EARLY_FAILURE_S:
        code = process.poll()
        if code == 0:
            return None
        if code is not None:
            text = ""
            with contextlib.suppress(OSError):
                text = log.read_text("utf-8", errors="replace")[-LOG_TAIL_CHARS:]
            return code, text
        time.sleep(0.05)
    return None
