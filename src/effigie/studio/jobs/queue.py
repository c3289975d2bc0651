"""The queue of jobs: files under the workspace, so that nothing is lost with the studio, the browser or the machine."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from effigie.errors import EffigieError, UsageError
from effigie.io.atomic_write import convert_os_error, discard
from effigie.studio.handles import UnknownIdError
from effigie.studio.jobs.job import STATUS_FILE, Job, read_answer, read_log, read_status
from effigie.studio.jobs.process import JobRunsError, interrupt_process, is_running, start_process
from effigie.studio.jobs.wish import Command
from effigie.studio.workspace import Workspace

MAX_ATTEMPTS = 2
"""A job whose process was killed from outside goes on by itself once; then whoever looks decides."""
MAX_STARTS = 5
"""Attempts of one whose process never said anything: the studio may have been killed before it began."""
MAX_JOBS = 500  # kept; the oldest that have ended go
KILLED = "its process was killed from outside, or the machine went down; Run again goes on from what is finished"


class JobQueue:
    """Jobs of a workspace, run one at a time in each lane. One studio holds the workspace, and so the queue.

    Every change is written before anything comes of it; a process is told from a dead one by its lock
    (:mod:`effigie.studio.jobs.process`). Methods are safe from several threads.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._folder = workspace.private / "jobs"
        self._lock = threading.RLock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._jobs = {job.id: job for job in self._load()}
        self._last_state: Any = None

    def jobs(self) -> list[Job]:
        """All jobs: those that run or wait in the order of their turn, then those that have ended, the last first."""
        with self._lock:
            jobs = list(self._jobs.values())
        order = {"running": 0, "queued": 1}
        return sorted(jobs, key=lambda j: (order.get(j.state, 2), -(j.ended or 0), j.rank, j.created))

    def find(self, job_id: str) -> Job:
        """Find a job.

        Raises:
            UnknownIdError: there is none of this id.
        """
        with self._lock:
            if job_id not in self._jobs:
                raise UnknownIdError("there is no such job: load the page again")
            return self._jobs[job_id]

    def find_by_key(self, key: str) -> Job | None:
        """The job that was added with this key; None if none was."""
        with self._lock:
            return self._jobs.get(_digest(key))

    def add(self, command: Command, key: str) -> Job:
        """Add a job at the end of its lane; with a key that was seen before, that job comes back unchanged.

        Raises:
            UsageError: what it would write is being made by another job.
            EffigieError: the disk is full.
        """
        job_id = _digest(key)
        with self._lock:
            if job_id in self._jobs:
                return self._jobs[job_id]
            output = (command.made or {}).get("output")
            for rival in self._jobs.values():
                if output and rival.state in ("queued", "running") and (rival.made or {}).get("output") == output:
                    raise UsageError(f"{Path(output).name} is being made already ({rival.title}): choose another name")
            rank = 1 + max((job.rank for job in self._jobs.values()), default=0.0)
            job = Job(job_id, command.title, command.arguments, command.lane, rank, command.made, created=time.time())
            self._write(job)
            self._forget_oldest()
            return job

    def cancel(self, job_id: str) -> Job:
        """Stop a job: one that waits at once, one that runs as Ctrl-C does; asked again, its process is killed."""
        with self._lock:
            job = self.find(job_id)
            if job.state == "queued":
                return self._write(job.update(state="stopped", ended=time.time(), is_cancelled=True))
            if job.state == "running":
                is_repeated = job.is_cancelled
                job = self._write(job.update(is_cancelled=True))
                interrupt_process(job, self._folder / job.id, hard=is_repeated)
            return job

    def run_again(self, job_id: str) -> Job:
        """Put a job that has failed or was stopped back into the queue; it goes on from what is finished."""
        with self._lock:
            job = self.find(job_id)
            if job.state not in ("failed", "stopped"):
                raise UsageError(f"{job.title} is {job.state}: only what failed or was stopped runs again")
            return self._write(job.update(state="queued", attempts=0, ended=None, message="", is_cancelled=False))

    def move(self, job_id: str, places: int) -> Job:
        """Move a waiting job up (negative) or down by some places of its lane."""
        with self._lock:
            job = self.find(job_id)
            line = [one for one in self.jobs() if one.state == "queued" and one.lane == job.lane]
            if job not in line:
                raise UsageError(f"{job.title} does not wait: only waiting jobs have an order")
            position = line.index(job)
            line.insert(max(0, min(len(line) - 1, position + places)), line.pop(position))
            ranks = sorted(one.rank for one in line)
            for one, rank in zip(line, ranks, strict=True):
                if one.rank != rank:
                    self._write(one.update(rank=rank))
            return self.find(job_id)

    def remove(self, job_id: str) -> None:
        """Forget a job that has ended, with its log; what it made stays."""
        with self._lock:
            job = self.find(job_id)
            if job.state in ("queued", "running"):
                raise UsageError(f"{job.title} is {job.state}: stop it first")
            del self._jobs[job_id]
            discard(self._folder / job_id)

    def log(self, job_id: str) -> str:
        """The end of a job's log."""
        return read_log(self._folder / self.find(job_id).id)

    def answers(self, verb: tuple[str, ...]) -> list[tuple[Job, dict[str, Any]]]:
        """Jobs of a verb that are done, and what they printed for ``--json``."""
        finished_jobs = [job for job in self.jobs() if job.state == "done" and job.arguments[: len(verb)] == verb]
        return [(job, read_answer(self._folder / job.id)) for job in finished_jobs]

    def advance(self) -> tuple[bool, list[Job]]:
        """Note which processes have ended, and start what is next; whether anything changed, and the ended jobs."""
        with self._lock:
            ended_jobs = [job for job in list(self._jobs.values()) if job.state == "running" and self._conclude(job)]
            busy = {job.lane for job in self._jobs.values() if job.state == "running"}
            for job in self.jobs():
                if job.state == "queued" and job.lane not in busy:
                    self._start(job)
                    busy.add(job.lane)
            state = self.to_json()
            changed, self._last_state = state != self._last_state, state
            return changed, ended_jobs

    def to_json(self) -> list[dict[str, Any]]:
        """Every job for the page, with the progress of those that run."""
        return [self._describe(job) for job in self.jobs()]

    def _describe(self, job: Job) -> dict[str, Any]:
        status = read_status(self._folder / job.id) if job.state == "running" else {}
        progress = {name: status.get(name) for name in ("stage", "done", "total", "unit", "rate", "left_s", "note")}
        products, issue = job.made or {}, self._workspace.handles.issue
        ids = {kind: issue(Path(products[kind])) for kind in ("output", "voice") if kind in products}
        return {
            "id": job.id,
            "title": job.title,
            "command": job.command,
            "lane": job.lane,
            "state": job.state,
            "message": job.message,
            "created": job.created,
            "started": job.started,
            "ended": job.ended,
            "cancelled": job.is_cancelled,
            "output": ids.get("output"),
            "makes": Path(products["output"]).name if "output" in products else None,
            "voice": products.get("stock", ids.get("voice")),
            "progress": progress if status else None,
        }

    def _start(self, job: Job) -> None:
        """Start a job's process; the state ``running`` is written first, so that a kill in between is noticed."""
        folder = self._folder / job.id
        (folder / STATUS_FILE).unlink(missing_ok=True)  # of an earlier attempt
        job = self._write(
            job.update(state="running", attempts=job.attempts + 1, started=time.time(), pid=None, message="")
        )
        try:
            process = start_process(job, folder, self._workspace.root)
        except JobRunsError:
            return
        except OSError as error:
            reason = str(convert_os_error(error, folder))
            self._write(job.update(state="failed", ended=time.time(), message=reason))
            return
        self._processes[job.id] = process
        self._write(job.update(pid=process.pid))

    def _conclude(self, job: Job) -> bool:
        """Write how a running job has ended, if it has."""
        folder, process = self._folder / job.id, self._processes.get(job.id)
        if process is not None and process.poll() is None:
            return False
        if is_running(job, folder):  # its workers too
            return False
        self._processes.pop(job.id, None)
        status = read_status(folder)
        state, message = status.get("state"), str(status.get("message") or "")
        if state == "done" or (state in ("failed", "stopped") and not job.is_cancelled):
            self._write(job.update(state=state, ended=time.time(), message=message))
        elif job.is_cancelled:  # however it ended: it was told to
            self._write(job.update(state="stopped", ended=time.time(), message=message))
        elif job.attempts < (MAX_ATTEMPTS if status else MAX_STARTS):
            self._write(job.update(state="queued", pid=None))
            return False
        else:
            self._write(job.update(state="failed", ended=time.time(), message=KILLED))
        return True

    def _write(self, job: Job) -> Job:
        job.save(self._folder / job.id)
        self._jobs[job.id] = job
        return job

    def _load(self) -> list[Job]:
        """Jobs of earlier studios; a damaged one is passed over."""
        jobs = []
        for path in self._folder.glob("*/job.json"):
            try:
                jobs.append(Job.load(path.parent))
            except (OSError, ValueError, TypeError, EffigieError):
                continue
        return jobs

    def _forget_oldest(self) -> None:
        ended_jobs = [job for job in self._jobs.values() if job.state not in ("queued", "running")]
        ended_jobs.sort(key=lambda job: job.ended or 0)
        for job in ended_jobs[: max(0, len(self._jobs) - MAX_JOBS)]:
            self.remove(job.id)


def _digest(key: str) -> str:
    return hashlib.blake2s(key.encode("utf-8", "replace"), digest_size=8).hexdigest()
