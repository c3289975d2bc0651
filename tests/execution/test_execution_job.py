"""Tests of jobs over lists of clips: missing outputs are made once, failures reported, nothing lost after a kill."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from copying import callers, calls, lives, until
from hypothesis import given
from hypothesis import strategies as st

from effigie.errors import CancelledError, UsageError
from effigie.execution import create_executor
from effigie.execution.manifest import longer_name, plain_name
from effigie.io.storage import safe_name
from effigie.progress import CancelToken

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: effigie[ray]")
ENGINES = ["inline", "local", pytest.param("ray", marks=needs_ray)]
RUN = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "import copying; from effigie.progress import CancelToken, ignore_progress\n"
    "from effigie.execution import create_executor; from effigie.execution.job import JobPlan, run_job\n"
    "plan = JobPlan(copying.capitals, sys.argv[2], 'one', sys.argv[3], '.mp4')\n"
    "report = run_job(plan, sys.argv[5:], create_executor(sys.argv[4], 2), 1, 'copy', ignore_progress, CancelToken())\n"
    "print(report.completed, report.skipped, len(report.claimed_elsewhere))\n"
)


@pytest.fixture
def engine(request):
    """An engine by its name; Ray's is started once for all tests."""
    return request.getfixturevalue("ray") if request.param == "ray" else request.param


@pytest.fixture
def held(tmp_path):
    """Clips that contain ``held`` are not done before this file is removed."""
    (tmp_path / "calls").mkdir(exist_ok=True)
    (tmp_path / "calls" / "held").touch()
    return tmp_path / "calls" / "held"


def contents(folder):
    if not Path(folder).exists():
        return {}
    return {path.name: path.read_text() for path in Path(folder).iterdir() if path.suffix == ".mp4"}


@contextlib.contextmanager
def run_apart(tmp_path, clips, engine="local"):
    """A job in a process of its own, which can be killed."""
    here = str(Path(__file__).parent)
    arguments = [here, tmp_path / "calls", tmp_path / "out", engine, *clips]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", RUN, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_made_once_and_not_again(engine, job, clips, tmp_path):
    said = []
    paths = clips("one", "two", "three")
    report = job(paths, engine=engine, progress=said.append)
    assert (report.completed, report.skipped, report.failed, report.frames) == (3, 0, {}, 11)
    assert contents(tmp_path / "out") == {"clip0.mp4": "ONE", "clip1.mp4": "TWO", "clip2.mp4": "THREE"}
    assert (tmp_path / "out" / "clip0.mp4.notice.txt").read_text() == "made here"
    assert (said[0].done, said[-1].done, said[-1].total, said[-1].unit) == (0, 3, 3, "clips")
    retry = job([*paths, *clips("one", "two", "three", "four")], engine=engine)
    # A clip named twice may be looked at by two workers at once: one of them then finds its record locked.
    assert (retry.completed, retry.skipped + len(retry.claimed_elsewhere)) == (1, 6)
    assert sorted(job.calls()) == ["clip0.mp4", "clip1.mp4", "clip2.mp4", "clip3.mp4"]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_what_fails_is_tried_again_and_said_and_the_others_go_on(engine, job, clips, tmp_path):
    report = job(clips("one", "broken", "flaky", "refused", "surprise", "two"), engine=engine)
    assert sorted(contents(tmp_path / "out")) == ["clip0.mp4", "clip2.mp4", "clip5.mp4"]
    assert (report.completed, report.retried) == (3, 3)
    said = {Path(clip).name: reason for clip, reason in report.failed.items()}
    assert sorted(said) == ["clip1.mp4", "clip3.mp4", "clip4.mp4"]
    assert "is broken" in said["clip1.mp4"]
    assert "ZeroDivisionError" in said["clip4.mp4"]
    # Asked twice, whoever refused would say no twice.
    assert [job.calls().count(f"clip{n}.mp4") for n in range(6)] == [1, 2, 2, 1, 2, 1]


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
def test_a_clip_that_kills_its_worker_costs_no_other(engine, job, clips, tmp_path):
    report = job(clips("one", "deadly", "two", "three", "four"), engine=engine)
    assert report.completed == 4
    ((clip, reason),) = report.failed.items()
    assert clip.endswith("clip1.mp4")
    assert "--workers" in reason
    assert "clip1.mp4" not in contents(tmp_path / "out")


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_cancel_keeps_what_is_finished(engine, job, clips, held, tmp_path):
    """Three are finished and the others held up in the middle of their work when it is cancelled."""
    cancel = CancelToken()
    paths = clips(*map(str, range(3)), *(f"held {number}" for number in range(9)))

    def stop():
        until(lambda: len(contents(tmp_path / "out")) >= 3 and len(calls(tmp_path / "calls")) > 3)
        cancel.set()

    waiting = threading.Thread(target=stop, daemon=True)
    waiting.start()
    with pytest.raises(CancelledError):
        job(paths, engine=engine, cancel=cancel)
    waiting.join()
    held.unlink()
    assert sorted(contents(tmp_path / "out")) == ["clip0.mp4", "clip1.mp4", "clip2.mp4"]
    report = job(paths, engine=engine)
    assert (report.skipped, report.completed) == (3, 9)
    assert list((tmp_path / "out").rglob("*.work")) == []


def test_another_setting_and_another_content_are_made_anew(job, clips, tmp_path):
    paths = clips("one", "two")
    job(paths)
    assert job(paths, identity="other").completed == 2
    paths[0].write_text("changed")
    (tmp_path / "out" / "clip1.mp4").unlink()
    report = job(paths, identity="other")
    assert (report.completed, report.skipped) == (2, 0)
    assert contents(tmp_path / "out") == {"clip0.mp4": "CHANGED", "clip1.mp4": "TWO"}


def test_clips_of_one_name_do_not_clash(job, tmp_path):
    paths = [tmp_path / folder / name for folder in "abc" for name in ("talk.mp4", "Talk.MOV")]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"number {number}")
    assert job(paths).completed == 6
    completed = contents(tmp_path / "out")
    assert sorted(completed.values()) == [f"NUMBER {number}" for number in range(6)]
    assert job(reversed(paths)).skipped == 6
    # Alone in its list, each is found under the name it has.
    assert [job([path]).skipped for path in paths] == [1] * 6


def test_a_newcomer_of_a_known_name_replaces_nobody(job, tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "talk.mp4").write_text(folder)
    assert job([tmp_path / "a" / "talk.mp4"]).completed == 1
    assert job([tmp_path / "b" / "talk.mp4"]).completed == 1
    completed = contents(tmp_path / "out")
    assert completed.pop("talk.mp4") == "A"
    assert list(completed.values()) == ["B"]


def test_a_file_that_no_job_made_is_left_alone(job, clips, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "clip0.mp4").write_text("somebody's")
    report = job(clips("one"))
    assert "--force" in next(iter(report.failed.values()))
    assert contents(tmp_path / "out") == {"clip0.mp4": "somebody's"}
    assert job(clips("one"), force=True).completed == 1
    assert contents(tmp_path / "out") == {"clip0.mp4": "ONE"}


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"version": 99}', b'{"version": 1, "done": true}', b"\xff"])
def test_a_damaged_record_is_as_good_as_none(job, clips, tmp_path, damage):
    job(clips("one"))
    (record,) = (tmp_path / "out" / ".effigie").rglob("*.json")
    record.write_bytes(damage)
    assert job(clips("one"), force=True).completed == 1
    assert job(clips("one")).skipped == 1


@pytest.mark.slow
def test_two_runs_at_once_share_the_work(tmp_path, clips, held):
    """One begins at either end; nobody is done with the first clip before both are at work."""
    paths = clips(*(f"held {number}" for number in range(16)))
    folder = tmp_path / "calls"
    with run_apart(tmp_path, paths) as one, run_apart(tmp_path, paths[::-1]) as other:
        until(lambda: {"clip0.mp4", "clip15.mp4"} <= set(calls(folder)))
        held.unlink()
        said = [list(map(int, run.communicate(timeout=120)[0].split())) for run in (one, other)]
    assert sorted(calls(folder)) == sorted(path.name for path in paths)
    assert sum(completed for completed, _, _ in said) == 16
    assert all(completed > 0 for completed, _, _ in said)
    assert all(sum(counts) == 16 for counts in said)
    assert len(contents(tmp_path / "out")) == 16


@pytest.mark.parametrize("engine", ["local", pytest.param("ray", marks=needs_ray)])
def test_killed_in_the_middle_and_run_again(job, tmp_path, clips, held, engine):
    paths = clips(*(f"text {number}" for number in range(5)), *(f"held {number}" for number in range(25)))
    with run_apart(tmp_path, paths, engine) as run:
        until(lambda: len(contents(tmp_path / "out")) >= 5 and len(calls(tmp_path / "calls")) > 5)
        run.kill()
        run.wait()
    # Its workers notice, and end.
    until(lambda: not any(lives(number) for number in callers(tmp_path / "calls")))
    kept = contents(tmp_path / "out")
    assert 5 <= len(kept) < 30
    held.unlink()
    report = job(paths)
    assert report.completed + report.skipped == 30
    assert report.skipped >= len(kept) - 2  # all but those whose record the kill came before
    texts = [f"TEXT {number}" for number in range(5)] + [f"HELD {number}" for number in range(25)]
    assert sorted(contents(tmp_path / "out").values()) == sorted(texts)
    assert list((tmp_path / "out").rglob("*.work")) == []


def test_ten_thousand_pieces_are_drawn_as_they_are_needed():
    drawn = []
    executor = create_executor("local", 2)
    for count, _ in enumerate(executor.run(abs, _counted(10_000, drawn), print, CancelToken())):
        assert len(drawn) - count <= 2 * executor.workers + 2
    assert count == 9_999


def _counted(number, drawn):
    for piece in range(number):
        drawn.append(None)
        yield piece


def test_an_engine_that_is_not_there(monkeypatch):
    with pytest.raises(UsageError, match="slurm"):
        create_executor("slurm")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'effigie\[ray\]'"):
        create_executor("ray")


@needs_ray
def test_ray_listens_to_this_machine_alone(ray):
    import psutil

    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = [
        connection.laddr.ip.removeprefix("::ffff:")
        for process in family
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert set(listening) <= {"127.0.0.1", "::1"}


@given(st.text(max_size=400))
def test_no_name_leads_out_of_the_folder(text):
    for name in (safe_name(text), plain_name(text, ".mp4"), longer_name(text, ".mp4", "0" * 64)):
        assert name and name not in (".", "..") and not name.startswith(".")
        assert "/" not in name and "\\" not in name and "\0" not in name
        assert len(name.encode()) <= 240


def test_names_are_the_clips_own():
    assert plain_name("/a/b/my talk.v2.mov", ".mp4") == "my talk.v2.mp4"
    assert plain_name("s3://bucket/../../etc/passwd", ".mp4") == "passwd.mp4"
    assert plain_name("https://host/clip.mp4?token=../x", ".mp4") == "clip.mp4"
    assert plain_name("..", ".mp4") == "clip.mp4"
    assert plain_name("/a/b/..\\..\\x.mp4", ".mp4") == "_.._x.mp4"


def test_the_folder_is_a_file(job, clips, tmp_path):
    (tmp_path / "out").write_text("a file")
    report = job(clips("one"))
    assert "name a folder" in next(iter(report.failed.values()))
    assert (tmp_path / "out").read_text() == "a file"
