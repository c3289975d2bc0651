"""Tests of progress reports and status files, and of commands that outlive their terminal."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from effigie.cli import background, console, reporting
from effigie.cli.background import remove_option
from effigie.cli.reporting import RateMeter
from effigie.faceset import FaceSet
from effigie.progress import Progress

HANGS_S = 300  # what has not happened by then never will
# The command line, held up where it first tells of the extraction: a signal comes in the middle, never after the end.
HELD = """
import time
from effigie.cli import main, reporting

put = reporting._write_line

def held(line):
    put(line)
    while line.startswith("extract: "):
        time.sleep(0.01)

reporting._write_line = held
main()
"""


@pytest.fixture(scope="module")
def clip(woman, cut, tmp_path_factory):
    """A clip of one second of the woman: short enough that start-up dominates."""
    return cut(woman, tmp_path_factory.mktemp("clip") / "clip.mp4", 0, 24)


@pytest.fixture(autouse=True)
def reporting_as_before(monkeypatch):
    """Restores the reporting style that a command run in this process chose."""
    monkeypatch.setattr(console, "STATUS_FILE", None)
    monkeypatch.setattr(console, "PROGRESS_STYLE", "auto")


def state(path):
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == 1
    return json.loads(lines[0])


def until(happened):
    end = time.monotonic() + HANGS_S
    while not happened():
        assert time.monotonic() < end, "it has not come to pass"
        time.sleep(0.02)


def at_work(session):
    """Whether any process of a session is alive; an ended one may remain as a zombie."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def all_signals_as_usual():
    """Restores the default handling of signals, whatever started these tests."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())


@dataclass
class Extracted:
    """Result of an extraction in a process of its own: exit code, output, folder."""

    code: int
    out: str
    lines: list[str]
    folder: Path


@pytest.fixture(scope="module")
def hung_up_on(clip, tmp_path_factory):
    """An extraction started by nohup, whose terminal is closed midway; it reports in JSON."""
    folder = tmp_path_factory.mktemp("nohup")
    options = ("--progress", "json", "--status", "now")
    with subprocess.Popen(
        [sys.executable, "-m", "effigie", *options, "extract", clip, "-o", "faces", "--every", "8", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    ) as process:
        try:
            assert process.stderr is not None
            begun = process.stderr.readline()
            process.send_signal(signal.SIGHUP)
            out, err = process.communicate(timeout=HANGS_S)
        finally:
            process.kill()
    return Extracted(process.returncode, out, [begun, *err.splitlines()], folder)


@pytest.mark.slow
def test_json_lines_and_a_status(hung_up_on):
    assert hung_up_on.code == 0
    assert json.loads(hung_up_on.out)["faces"] == 3
    lines = [json.loads(line) for line in hung_up_on.lines]
    extracted = [line for line in lines if line["stage"] == "extract"]
    done = [line["done"] for line in extracted]
    assert done == sorted(done)
    assert extracted[-1]["done"] == extracted[-1]["total"] == 24
    assert {"rate", "left_s", "unit", "note"} <= set(extracted[-1])
    found = state(hung_up_on.folder / "now")
    assert (found["state"], found["stage"], found["done"]) == ("done", "extract", 24)
    assert found["updated"] >= found["begun"]


def test_a_failure_is_in_the_status(here, tmp_path):
    assert here("--status", "now", "extract", "missing.mp4", "-o", "faces").code == 1
    found = state(tmp_path / "now")
    assert found["state"] == "failed"
    assert "missing.mp4 does not exist" in found["message"]


@pytest.mark.parametrize("options", [("--status", "no/such/folder/now"), ("--progress", "loud")])
def test_wrong_reporting_ends_before_any_work(here, man, tmp_path, options):
    if options[0] == "--status":
        (tmp_path / "no").write_text("a file")
    ended = here(*options, "extract", man, "-o", "faces")
    assert ended.code == 2
    assert options[1] in ended.line()
    assert not (tmp_path / "faces").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_a_closed_terminal_and_a_kill(here, clip, tmp_path, number):
    arguments = ("extract", str(clip), "-o", "faces", "--every", "8")
    with subprocess.Popen(
        [sys.executable, "-c", HELD, "--status", "now", *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=all_signals_as_usual,
    ) as process:
        try:
            assert process.stderr is not None
            assert any(line.startswith("extract: ") for line in process.stderr)
            process.send_signal(number)
            process.communicate(timeout=HANGS_S)
        finally:
            process.kill()
    found = state(tmp_path / "now")
    assert (found["stage"], found["pid"]) == ("extract", process.pid)
    if number == signal.SIGHUP:
        assert process.returncode == 130
        assert found["state"] == "stopped"
    else:
        assert found["state"] == "running"
    until(lambda: not at_work(process.pid))
    assert here(*arguments).code == 0
    assert len(FaceSet.open(tmp_path / "faces")) == 3


@pytest.mark.slow
def test_in_the_background_it_goes_on(effigie, clip, tmp_path):
    ended = effigie("--background", "log", "extract", clip, "-o", "faces", "--every", 8)
    assert ended.code == 0
    number = int(ended.out.split()[1])
    with contextlib.suppress(ProcessLookupError):  # done already, on a fast machine
        assert os.getsid(number) == number  # a terminal's hang-up does not reach it
    until(lambda: not at_work(number))
    assert state(tmp_path / "log.status")["state"] == "done"
    assert "3 faces" in (tmp_path / "log").read_text("utf-8")
    assert len(FaceSet.open(tmp_path / "faces")) == 3


@pytest.mark.slow
def test_what_fails_at_once_fails_in_the_foreground(here, tmp_path, monkeypatch):
    monkeypatch.setattr(background, "EARLY_FAILURE_S", HANGS_S)  # a slow machine's "at once"
    ended = here("--background", "log", "extract", "missing.mp4", "-o", "faces")
    assert ended.code == 1
    assert "missing.mp4 does not exist" in ended.err
    assert state(tmp_path / "log.status")["state"] == "failed"


def test_nohup_is_respected(hung_up_on):
    assert hung_up_on.code == 0
    assert len(FaceSet.open(hung_up_on.folder / "faces")) == 3


def test_the_option_is_taken_out():
    assert remove_option(["--background", "log", "extract", "--background=x"]) == ["extract"]
    assert remove_option(["--debug", "--background=log", "train", "a"]) == ["--debug", "train", "a"]


def test_rate_and_time_left(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(reporting, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    pace = RateMeter()
    assert pace(Progress("train", 0, 100))["rate"] is None
    clock[0] += 10
    known = pace(Progress("train", 50, 100))
    assert (known["rate"], known["left_s"]) == (5.0, 10.0)
    for _ in range(100):  # ten times as slow from now on: after a minute that is the rate
        clock[0] += 1
        known = pace(Progress("train", known["done"] + 0.5, 100))
    assert known["rate"] == pytest.approx(0.5, rel=0.05)
    assert pace(Progress("train", 1, 100))["rate"] is None  # it began anew
    assert pace(Progress("look", 1))["left_s"] is None
