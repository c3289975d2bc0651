"""Progress for programs and monitors, and work that outlives its terminal."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from effigie.cli.background import without_option
from effigie.cli.reporting import Pace
from effigie.faceset import FaceSet
from effigie.progress import Progress


def state(path):
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == 1
    return json.loads(lines[0])


def test_json_lines_and_a_status(effigie, man, tmp_path):
    ended = effigie(
        "--progress", "json", "--status", "now", "extract", man, "-o", "faces", "--every", 24, "--json"
    )
    assert ended.code == 0
    assert json.loads(ended.out)["faces"] == 3
    lines = [json.loads(line) for line in ended.err.splitlines()]
    extracted = [line for line in lines if line["stage"] == "extract"]
    done = [line["done"] for line in extracted]
    assert done == sorted(done)
    assert extracted[-1]["done"] == extracted[-1]["total"] == 72
    assert {"rate", "left_s", "unit", "note"} <= set(extracted[-1])
    found = state(tmp_path / "now")
    assert (found["state"], found["stage"], found["done"]) == ("done", "extract", 72)
    assert found["updated"] >= found["begun"]


def test_a_failure_is_in_the_status(effigie, tmp_path):
    assert effigie("--status", "now", "extract", "missing.mp4", "-o", "faces").code == 1
    found = state(tmp_path / "now")
    assert found["state"] == "failed"
    assert "missing.mp4 does not exist" in found["message"]


@pytest.mark.parametrize("options", [("--status", "no/such/folder/now"), ("--progress", "loud")])
def test_wrong_reporting_ends_before_any_work(effigie, man, tmp_path, options):
    if options[0] == "--status":
        (tmp_path / "no").write_text("a file")
    ended = effigie(*options, "extract", man, "-o", "faces")
    assert ended.code == 2
    assert options[1] in ended.line()
    assert not (tmp_path / "faces").exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_a_closed_terminal_and_a_kill(start, effigie, woman, tmp_path, number):
    arguments = ("extract", woman, "-o", "faces", "--every", 10)
    command = start("--status", "now", *arguments)
    command.wait_for("extract: ")
    command.process.send_signal(number)
    ended = command.end()
    found = state(tmp_path / "now")
    if number == signal.SIGHUP:
        assert ended.code == 130
        assert found["state"] == "stopped"
    else:
        assert found["state"] == "running"
        assert not psutil.pid_exists(found["pid"])
    assert command.nobody_left()
    assert effigie(*arguments).code == 0
    assert len(FaceSet.open(tmp_path / "faces")) == 10


def test_in_the_background_it_goes_on(effigie, woman, tmp_path):
    ended = effigie("--background", "log", "extract", woman, "-o", "faces", "--every", 10)
    assert ended.code == 0
    number = int(ended.out.split()[1])
    with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):  # done already, on a fast machine
        assert os.getsid(number) == number  # a terminal's hang-up does not reach it
        psutil.Process(number).wait(60)
    assert state(tmp_path / "log.status")["state"] == "done"
    assert "10 faces" in (tmp_path / "log").read_text("utf-8")
    assert len(FaceSet.open(tmp_path / "faces")) == 10


def test_what_fails_at_once_fails_in_the_foreground(effigie, tmp_path):
    ended = effigie("--background", "log", "extract", "missing.mp4", "-o", "faces")
    assert ended.code == 1
    assert "missing.mp4 does not exist" in ended.err
    assert state(tmp_path / "log.status")["state"] == "failed"


def test_nohup_is_respected(woman, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "effigie", "extract", str(woman), "-o", "faces", "--every", "10"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_option_is_taken_out():
    assert without_option(["--background", "log", "extract", "--background=x"]) == ["extract"]
    assert without_option(["--debug", "--background=log", "train", "a"]) == ["--debug", "train", "a"]


def test_rate_and_time_left(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    pace = Pace()
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
