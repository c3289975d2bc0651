"""A job: one `effigie` command with its state, its status file and its log, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

from effigie.io.atomic_write import read_json, write_json

State = Literal["queued", "running", "done", "failed", "stopped"]
STATES = ("queued", "running", "done", "failed", "stopped")
JOB_FILE, STATUS_FILE, LOG_FILE, LOCK_FILE = "job.json", "status.json", "log.txt", "lock"


@dataclass(frozen=True)
class Job:
    """What is to be done, and how far it is.

    Attributes:
        id: 16 hex digits, of the key that the page chose: asked for twice, a job is one job.
        title: for people.
        arguments: of the command `effigie`.
        lane: ``long`` or ``quick``; of each one runs at a time.
        rank: the lowest of a lane is next.
        made: what comes of it: ``output``, and ``input`` if frame n of both belongs together; paths.
        state: ``queued``, ``running``, ``done``, ``failed`` or ``stopped``.
        attempts: how often it was started.
        pid: number of the process that was started last.
        created, started, ended: seconds since 1970.
        message: why it failed, in a line.
        is_cancelled: whether the user has asked to stop it.
    """

    id: str
    title: str
    arguments: tuple[str, ...]
    lane: str = "long"
    rank: float = 0.0
    made: dict[str, str] | None = None
    state: State = "queued"
    attempts: int = 0
    pid: int | None = None
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    message: str = ""
    is_cancelled: bool = False

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a job.

        Raises:
            ValueError: damaged, or not a job of this version.
        """
        values = read_json(folder / JOB_FILE)
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or not set(values) <= names or values.get("state") not in STATES:
            raise ValueError(f"{folder} holds no job")
        arguments = values.get("arguments")
        if values.get("id") != folder.name or not isinstance(arguments, list):
            raise ValueError(f"{folder} holds another job")
        return cls(**{**values, "arguments": tuple(map(str, arguments))})

    def save(self, folder: Path) -> None:
        """Write the job into its folder, whole or not at all."""
        write_json(folder / JOB_FILE, asdict(self))

    def update(self, **changes: Any) -> Self:
        return replace(self, **changes)

    @property
    def command(self) -> str:
        """What a user would type in the workspace."""
        return shlex.join(["effigie", *self.arguments])

    def process_arguments(self, folder: Path) -> list[str]:
        """The process that runs it. ``-P``: a Python file in the workspace is no part of effigie."""
        reporting = ["--progress", "json", "--status", str(folder / STATUS_FILE)]
        return [sys.executable, "-P", "-m", "effigie", *reporting, *self.arguments]


def read_status(folder: Path) -> dict[str, Any]:
    """What the command last wrote of itself; empty before it has."""
    with contextlib.suppress(OSError, ValueError):
        status = read_json(folder / STATUS_FILE)
        if isinstance(status, dict):
            return status
    return {}


def read_answer(folder: Path) -> dict[str, Any]:
    """The JSON object that a command with ``--json`` has printed, whose lines stand in the log; empty without one."""
    with contextlib.suppress(OSError, ValueError):
        log = f"\n{(folder / LOG_FILE).read_text('utf-8', 'replace')}"
        answer, _ = json.JSONDecoder().raw_decode(log[log.rindex("\n{\n") + 1 :])
        if isinstance(answer, dict):
            return answer
    return {}


def read_log(folder: Path, limit: int = 20_000) -> str:
    """The end of a job's log, without its lines of progress."""
    with contextlib.suppress(OSError), (folder / LOG_FILE).open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - 4 * limit))
        lines = stream.read().decode("utf-8", "replace").splitlines()
        log_lines = [line for line in lines if not line.startswith('{"stage"')]
        return "\n".join(log_lines)[-limit:]
    return ""
