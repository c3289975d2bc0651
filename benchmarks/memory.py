"""Cost of a command: peak resident memory of all its processes together, time, processor time.

Unit: bytes, seconds. The resident sets of the command and all its descendants are added up every few
milliseconds, so pages that processes share count several times: the figure is an upper bound. Where the
system tells (Linux), the proportional sets are added up as well, in which a shared page counts once.

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
PROPORTIONAL_EVERY_S = 0.25  # the kernel walks all pages for it: milliseconds a process


@dataclass(frozen=True)
class Usage:
    """Cost of a command.

    Attributes:
        peak_rss: bytes, all processes together, shared pages counted in each.
        peak_pss: bytes, shared pages counted once; None where the system does not tell.
        seconds: from start to end.
        processor_seconds: of all processes, up to when each was last seen.
        processes: most at a time.
        exit_code: 0 when it succeeded.
        output: the end of what it printed.
    """

    peak_rss: int
    peak_pss: int | None
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
        watch = _MemoryMonitor(process.pid)
        try:
            while process.poll() is None:
                watch.sample()
                time.sleep(interval)
        finally:
            _end(process)
        seconds = time.monotonic() - begun
        length = printed.seek(0, os.SEEK_END)
        printed.seek(max(0, length - 4096))
        output = printed.read().decode("utf-8", "replace").strip()
    spent = sum(watch.spent.values())
    return Usage(watch.resident, watch.proportional, seconds, spent, watch.processes, process.returncode, output)


class _MemoryMonitor:
    """The peaks of a process and its descendants, over all looks at them."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._proportional_due = 0.0
        self.resident = self.processes = 0
        self.proportional: int | None = None
        self.spent: dict[int, float] = {}

    def sample(self) -> None:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self._number)
            processes = [root, *root.children(recursive=True)]
            self.processes = max(self.processes, len(processes))
            self.resident = max(self.resident, sum(self._resident_set_size(process) for process in processes))
            if psutil.LINUX and time.monotonic() >= self._proportional_due:
                total = sum(_proportional_set_size(process) for process in processes)
                self.proportional = max(self.proportional or 0, total)
                self._proportional_due = time.monotonic() + PROPORTIONAL_EVERY_S

    def _resident_set_size(self, process: psutil.Process) -> int:
        try:
            with process.oneshot():
                times = process.cpu_times()
                self.spent[process.pid] = times.user + times.system
                return process.memory_info().rss
        except psutil.Error:
            return 0


def _proportional_set_size(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


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
