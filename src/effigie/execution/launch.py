"""Launching several training processes of one command on this machine, and each one's rank.

The variables are torchrun's, so that either can start the same command.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from effigie.errors import UsageError
from effigie.progress import CancelToken

RANK_VARIABLES = "RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE"
LAUNCHED_VARIABLE = "EFFIGIE_LAUNCHED"
GRACE_S = 60.0  # for the others to save and end, once one has failed
KILL_GRACE_S = 10.0
POLL_S = 0.05


@dataclass(frozen=True)
class RankInfo:
    """Rank of a process and how many there are, of all and of those on this machine."""

    rank: int
    size: int
    local_rank: int
    local_size: int

    @property
    def is_leader(self) -> bool:
        """Whether it is the process that writes files: rank 0."""
        return self.rank == 0


def read_rank_info(environment: Mapping[str, str]) -> RankInfo:
    """Read the rank from torchrun's variables; a single process where there are none."""
    size = environment.get("WORLD_SIZE", "1")
    if size == "1":
        return RankInfo(0, 1, 0, 1)
    names = ("RANK", "MASTER_ADDR", "MASTER_PORT")
    if missing := [name for name in names if name not in environment]:
        raise UsageError(
            f"WORLD_SIZE is {size}, but {', '.join(missing)} not set: start with torchrun, or with --devices"
        )
    try:
        rank, count = int(environment["RANK"]), int(size)
        local_rank = int(environment.get("LOCAL_RANK", "0"))
        local_size = int(environment.get("LOCAL_WORLD_SIZE", "1"))
    except ValueError as error:
        raise UsageError(f"{RANK_VARIABLES} are numbers ({error})") from error
    if not (0 <= rank < count and 0 <= local_rank < local_size <= count):
        raise UsageError(
            f"process {rank} of {count}, {local_rank} of {local_size} on this machine, cannot be: see {RANK_VARIABLES}"
        )
    return RankInfo(rank, count, local_rank, local_size)


def launch(command: Sequence[str], processes: int, cancel: CancelToken | None = None) -> int:
    """Run a command in several processes and wait; the exit code of the first that failed, or 0.

    When one fails, the others are given time to end by themselves, then ended; ``cancel`` is passed on as a polite
    kill. They end when this process does, however that comes about.
    """
    cancel = cancel or CancelToken()
    shared = {
        **os.environ,
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        LAUNCHED_VARIABLE: "1",
    }
    started: list[subprocess.Popen[bytes]] = []
    try:
        for rank in range(processes):
            place = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            # A group of its own: a terminal's Ctrl-C comes to this process alone, which passes it on once.
            group = {} if os.name == "nt" else {"process_group": 0}
            started.append(
                subprocess.Popen(list(command), env={**shared, **place}, stdin=subprocess.PIPE, **group)  # type: ignore[call-overload]
            )
        return _wait_for_all(started, cancel)
    finally:
        _terminate(started)


def exit_with_launcher() -> None:
    """In a process that :func:`launch` started: exit as soon as the launcher is gone."""
    if LAUNCHED_VARIABLE in os.environ:
        threading.Thread(target=_wait_for_launcher, daemon=True).start()


def _wait_for_launcher() -> None:
    # Not through sys.stdin, whose lock would be in the way of an orderly end.
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    os._exit(1)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for_all(processes: Sequence[subprocess.Popen[bytes]], cancel: CancelToken) -> int:
    first, deadline = 0, float("inf")
    is_stopping = False
    while True:
        codes = [process.poll() for process in processes]
        if first == 0 and (failures := [code for code in codes if code]):
            first, deadline = failures[0], time.monotonic() + GRACE_S
        if all(code is not None for code in codes):
            # A polite stop of several: whoever only heard of it says so with another code.
            return first if first >= 0 else 1
        if cancel.is_requested and not is_stopping:
            is_stopping, deadline = True, time.monotonic() + GRACE_S
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
        if time.monotonic() > deadline:
            return first if first > 0 else 1
        time.sleep(POLL_S)


def _terminate(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for stop, seconds in ((subprocess.Popen.terminate, GRACE_S), (subprocess.Popen.kill, KILL_GRACE_S)):
        for process in processes:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    stop(process)
        until = time.monotonic() + seconds
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.0, until - time.monotonic()))
    for process in processes:
        if process.stdin is not None:
            process.stdin.close()
