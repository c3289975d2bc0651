"""The process of a job: started in a session of its own, so that it outlives the studio, and found again by a lock.

The studio locks a file of the job, and the process inherits the open file and with it the lock: there is no moment at
which a process runs and holds no lock, and none at which a lock is held and nobody runs. So a studio that is killed at
any time can tell afterwards whether a job runs. Where files have no such locks, the process's number says it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import psutil

from effigie.io.locks import try_lock
from effigie.studio.jobs.job import LOCK_FILE, LOG_FILE, STATUS_FILE, Job, read_status

INHERITS_LOCKS = os.name == "posix"


class JobRunsError(Exception):
    """The job's process is there already."""


def start_process(job: Job, folder: Path, workspace: Path) -> subprocess.Popen[bytes]:
    """Start the command in the workspace; output goes to the job's log.

    Raises:
        JobRunsError: it runs.
        OSError: the log or lock cannot be written, or the process not be started.
    """
    with (folder / LOCK_FILE).open("a+b") as lock, (folder / LOG_FILE).open("ab") as log:
        if INHERITS_LOCKS and not try_lock(lock):
            raise JobRunsError
        session_options: dict[str, object] = {"start_new_session": True, "pass_fds": (lock.fileno(),)}
        if not INHERITS_LOCKS:
            session_options = {"creationflags": 0x00000208}  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(
            job.process_arguments(folder),
            cwd=workspace,
            env=os.environ | _absolute_search_path(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **session_options,  # type: ignore[call-overload]
        )


def _absolute_search_path() -> dict[str, str]:
    """PYTHONPATH as it is meant here, not from the workspace, where the process works."""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {"PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in entries if entry)}


def is_running(job: Job, folder: Path) -> bool:
    """Whether the job's process is there, whoever started it."""
    if not INHERITS_LOCKS:
        return find_process(job, folder) is not None
    try:
        with (folder / LOCK_FILE).open("a+b") as lock:
            return not try_lock(lock)
    except OSError:
        return find_process(job, folder) is not None


def find_process(job: Job, folder: Path) -> psutil.Process | None:
    """The job's process; None if it has ended."""
    status = read_status(folder)
    numbers = (job.pid, status.get("pid"))
    for number in dict.fromkeys(n for n in numbers if isinstance(n, int)):
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(number)
            is_ours = str(folder / STATUS_FILE) in process.cmdline()
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                return process
    return None


def interrupt_process(job: Job, folder: Path, hard: bool = False) -> None:
    """Ask the process to stop as Ctrl-C does: what is finished is kept. ``hard`` kills it and its workers."""
    process = find_process(job, folder)
    if process is None:
        return
    with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
        if not hard:
            process.send_signal(signal.SIGINT if INHERITS_LOCKS else signal.SIGTERM)
        elif INHERITS_LOCKS:
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
        else:
            process.kill()
