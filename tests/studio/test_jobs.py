"""Tests of jobs: real commands, in order, stopped, run again, and kept through kills of the studio."""

from __future__ import annotations

import os
import random
import shlex
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from running_studio import RunningStudio
from studio_clips import write_clip

from effigie.errors import UsageError
from effigie.studio.jobs.commands import Command
from effigie.studio.jobs.job import Job
from effigie.studio.jobs.queue import KILLED, JobQueue
from effigie.studio.workspace import Workspace

LONG = 800  # frames without a face: extraction takes seconds


def extraction(name: str, clip: str = "clips/clip.mp4") -> Command:
    return Command(name, ("extract", clip, "-o", f"faces/{name}.faces"), made={"output": name})


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    (tmp_path / "clips").mkdir()
    write_clip(tmp_path / "clips" / "clip.mp4", 10)
    return Workspace.open(tmp_path)


@pytest.fixture
def long_clip(workspace: Workspace) -> str:
    write_clip(workspace.root / "clips" / "long.mp4", LONG)
    return "clips/long.mp4"


def run_until(queue: JobQueue, done: Any, seconds: float = 120) -> None:
    """Advance the queue as the studio does."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, queue.to_json()
        queue.advance()
        time.sleep(0.05)


def wait_for_progress(queue: JobQueue, job: Job) -> None:
    def is_at_work() -> bool:
        return any(one["id"] == job.id and (one["progress"] or {}).get("stage") for one in queue.to_json())

    run_until(queue, is_at_work)


def test_a_job_runs_and_leaves_what_the_command_leaves(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    job = queue.add(extraction("a b"), "key-of-a-job")
    assert job.command == "effigie extract clips/clip.mp4 -o 'faces/a b.faces'"
    assert shlex.split(job.command)[1:] == list(job.arguments)
    run_until(queue, lambda: queue.find(job.id).state == "done")
    assert (workspace.root / "faces" / "a b.faces" / "faceset.json").is_file()
    log = queue.log(job.id)
    assert "no face in" in log and '"stage"' not in log


def test_a_job_that_is_asked_for_twice_is_one(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    assert queue.add(extraction("a"), "the same key") == queue.add(extraction("b"), "the same key")
    with pytest.raises(UsageError, match="is being made already"):
        queue.add(extraction("a"), "another key")
    assert len(JobQueue(workspace).jobs()) == 1


def test_a_command_that_fails_says_why(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    job = queue.add(extraction("a", "clips/none.mp4"), "key-of-a-job")
    run_until(queue, lambda: queue.find(job.id).state == "failed")
    assert "none.mp4 does not exist" in queue.find(job.id).message


def test_python_files_in_the_workspace_are_not_run(workspace: Workspace) -> None:
    (workspace.root / "typer.py").write_text("raise SystemExit(9)", "utf-8")
    queue = JobQueue(workspace)
    job = queue.add(extraction("a"), "key-of-a-job")
    run_until(queue, lambda: queue.find(job.id).state in ("done", "failed"))
    assert queue.find(job.id).state == "done"


def test_order_can_be_changed_and_waiting_jobs_stopped(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    a, b, c = (queue.add(extraction(name), f"key-of-{name}-job") for name in "abc")
    queue.move(c.id, -5)
    queue.move(a.id, 1)
    assert [job.title for job in queue.jobs()] == ["c", "b", "a"]
    assert [job.title for job in JobQueue(workspace).jobs()] == ["c", "b", "a"]
    assert queue.cancel(b.id).state == "stopped"
    with pytest.raises(UsageError, match="does not wait"):
        queue.move(b.id, 1)
    assert [job.title for job in queue.jobs() if job.state == "queued"] == ["c", "a"]


def test_a_running_job_stops_as_after_an_interrupt_and_runs_again(workspace: Workspace, long_clip: str) -> None:
    queue = JobQueue(workspace)
    job = queue.add(extraction("a", long_clip), "key-of-a-job")
    wait_for_progress(queue, job)
    queue.cancel(job.id)
    run_until(queue, lambda: queue.find(job.id).state != "running")
    assert queue.find(job.id).state == "stopped"
    queue.run_again(job.id)
    run_until(queue, lambda: queue.find(job.id).state == "done")


def test_a_process_killed_from_outside_goes_on_once(workspace: Workspace, long_clip: str) -> None:
    queue = JobQueue(workspace)
    job = queue.add(extraction("a", long_clip), "key-of-a-job")
    for attempt in (1, 2):
        run_until(queue, lambda attempt=attempt: queue.find(job.id).attempts == attempt)
        wait_for_progress(queue, job)
        os.killpg(queue.find(job.id).pid or 0, signal.SIGKILL)
    run_until(queue, lambda: queue.find(job.id).state != "running")
    assert (queue.find(job.id).state, queue.find(job.id).message) == ("failed", KILLED)


def test_damaged_jobs_are_passed_over(workspace: Workspace) -> None:
    job = JobQueue(workspace).add(extraction("a"), "key-of-a-job")
    folder = workspace.private / "jobs"
    for name, text in (("b" * 16, "{"), ("c" * 16, "[]"), ("d" * 16, '{"id": "x", "state": "queued"}')):
        (folder / name).mkdir()
        (folder / name / "job.json").write_text(text, "utf-8")
    assert [found.id for found in JobQueue(workspace).jobs()] == [job.id]


def test_removed_jobs_leave_what_they_made(workspace: Workspace) -> None:
    queue = JobQueue(workspace)
    job = queue.add(extraction("a"), "key-of-a-job")
    with pytest.raises(UsageError, match="stop it first"):
        queue.remove(job.id)
    run_until(queue, lambda: queue.find(job.id).state == "done")
    queue.remove(job.id)
    assert (workspace.root / "faces" / "a.faces").is_dir()
    assert JobQueue(workspace).jobs() == []


def processes_of(folder: Path) -> list[psutil.Process]:
    """Processes of the command line whose status goes into a folder."""
    alive = [one for one in psutil.process_iter(["cmdline", "status"]) if one.info["status"] != psutil.STATUS_ZOMBIE]
    return [one for one in alive if str(folder / "status.json") in (one.info["cmdline"] or [])]


@pytest.mark.slow
@pytest.mark.parametrize("kills", [2, pytest.param(6, marks=pytest.mark.study)])
def test_kills_of_the_studio_lose_no_job_and_double_none(workspace: Workspace, long_clip: str, kills: int) -> None:
    chance, names = random.Random(5), [f"job {number}" for number in range(min(3, kills))]
    port, cookie, ids = 0, "", []
    for _ in range(kills):
        running = RunningStudio(workspace.root, port=port)
        if not cookie:
            running.enter()
            clips = running.ask("GET", "/api/library")[1]["clips"]
            clip = next(one["id"] for one in clips if one["name"] == "long.mp4")
            port, cookie = running.port, running.cookie
        running.cookie = cookie
        for name in names:  # a page that heard no answer sends again
            status, answer = running.start_job("extract", {"clips": [clip], "name": name}, f"key of {name}")
            assert status == 200, answer
            ids.append(answer["id"])
        time.sleep(chance.uniform(0, 1.5))
        for job_id in set(ids):
            assert len(processes_of(workspace.private / "jobs" / job_id)) <= 1
        running.process.send_signal(signal.SIGKILL)
        running.end()
    assert len(set(ids)) == len(names)
    queue = JobQueue(workspace)
    run_until(queue, lambda: all(job.state not in ("queued", "running") for job in queue.jobs()), 300)
    assert {job.id: job.state for job in queue.jobs()} == dict.fromkeys(ids, "done")
    for job_id in set(ids):
        assert queue.log(job_id).count("no face in") == 1  # each was done once
