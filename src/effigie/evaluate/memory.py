"""What a command costs: peak resident memory of all its processes together, time, processor time.

Unit: bytes, seconds. The resident sets of the command and all its descendants are added up every few
milliseconds, so pages that processes share count several times: the figure is an upper bound.

What fools it: a peak shorter than the sampling interval is missed. Page cache does not count; memory that was
swapped out does not either.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

INTERVAL_S = 0.02


@dataclass(frozen=True)
class Usage:
    """What a command took.

    Attributes:
        peak_rss: bytes, all processes together.
        seconds: from start to end.
        processor_seconds: of all processes, up to when each was last seen.
        processes: most at a time.
        exit_code: 0 when it succeeded.
        output: the end of what it printed.
    """

    peak_rss: int
    seconds: float
    processor_seconds: float
    processes: int
    exit_code: int
    output: str


def measure_command(
    command: Sequence[str], environment: Mapping[str, str] | None = None, interval: float = INTERVAL_S
) -> Usage:
    """Run a command in a process group of its own and watch it to its end.

    On any exception, Ctrl-C included, the whole group is ended.

    Args:
        environment: variables added to this process's own.
        interval: seconds between two looks.

    Raises:
        FileNotFoundError: no such program.
    """
    begun = time.monotonic()
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            list(command),
            stdout=printed,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        peak = most = 0
        spent: dict[int, float] = {}
        try:
            while process.poll() is None:
                total, alive = _look(process.pid, spent)
                peak, most = max(peak, total), max(most, alive)
                time.sleep(interval)
        finally:
            _end(process)
        seconds = time.monotonic() - begun
        length = printed.seek(0, os.SEEK_END)
        printed.seek(max(0, length - 4096))
        output = printed.read().decode("utf-8", "replace")
    return Usage(peak, seconds, sum(spent.values()), most, process.returncode, output.strip())


def _look(number: int, spent: dict[int, float]) -> tuple[int, int]:
    """Bytes and processes now; processor seconds of each process go into ``spent``."""
    total = alive = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(number)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                with process.oneshot():
                    total += process.memory_info().rss
                    times = process.cpu_times()
                spent[process.pid] = times.user + times.system
                alive += 1
    return total, alive


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if not hasattr(os, "killpg"):
        process.terminate()
        process.wait()
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            return
