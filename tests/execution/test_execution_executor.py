"""Tests of work over processes: all results and errors return, and no process outlives the call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from copying import lives, until

from effigie.errors import CancelledError, EffigieError, MediaError
from effigie.execution import ProcessExecutor, available_cores, processes, report, stop_requested
from effigie.progress import CancelToken


def square(number):
    report(("squared", number))
    return number * number, os.getpid()


def fail_at_three(number):
    if number == 3:
        raise MediaError("three is not readable")
    return number


def die_at_three(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number


def die_once(place):
    """Kills its process at the first call of all, as the system does when memory runs out."""
    folder, number = place
    if number == 3 and not Path(folder, "died").exists():
        Path(folder, "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def wait_for_the_end(folder):
    Path(folder, f"{os.getpid()}").touch()
    while not stop_requested():
        time.sleep(0.02)
    raise CancelledError("stopped")


def _die(*_):
    os._exit(1)


def alive(folder):
    return [path.name for path in Path(folder).iterdir() if lives(int(path.name))]


def test_all_work_comes_back_and_reports_arrive():
    told = []
    results = dict(ProcessExecutor(2).run(square, range(20), told.append, CancelToken()))
    assert {number: value for number, (value, _) in results.items()} == {n: n * n for n in range(20)}
    assert os.getpid() not in {process for _, process in results.values()}
    assert {what for what, _ in told} == {"squared"}
    assert {number for _, number in told} <= set(range(20))


def test_no_work():
    assert list(ProcessExecutor(2).run(square, [], print, CancelToken())) == []


def test_an_error_in_a_worker_is_raised_here():
    with pytest.raises(MediaError, match="three is not readable"):
        list(ProcessExecutor(2).run(fail_at_three, range(6), print, CancelToken()))


def test_a_killed_worker_is_explained():
    with pytest.raises(EffigieError, match="--workers") as caught:
        list(ProcessExecutor(2).run(die_at_three, range(6), print, CancelToken()))
    assert "\n" not in str(caught.value)


def test_what_kills_its_worker_is_given_up_and_the_others_go_on():
    """Two attempts: an item that was only killed together with another is not given up."""
    told = []
    work = ProcessExecutor(2).run(die_at_three, range(12), print, CancelToken(), lambda piece: told.append(piece))
    results = dict(work)
    assert told == [3]
    assert results == {number: number for number in range(12)} | {3: None}


def test_what_was_killed_once_is_done_again(tmp_path):
    work = [(str(tmp_path), number) for number in range(8)]
    results = list(ProcessExecutor(2).run(die_once, work, print, CancelToken()))
    assert sorted(number for _, number in results) == list(range(8))


def test_workers_that_cannot_even_begin_end_the_call(monkeypatch):
    """The error is not the item's, so trying again would never end."""
    monkeypatch.setattr(processes, "_worker_main", _die)
    with pytest.raises(EffigieError, match="--workers"):
        list(ProcessExecutor(2).run(square, range(4), print, CancelToken(), lambda _: None))


def test_cancel_stops_everybody(tmp_path):
    cancel = CancelToken()
    work = ProcessExecutor(2).run(wait_for_the_end, [str(tmp_path)] * 4, print, cancel)

    def when_two_are_at_it():
        until(lambda: len(list(tmp_path.iterdir())) >= 2)
        cancel.set()

    threading.Thread(target=when_two_are_at_it, daemon=True).start()
    with pytest.raises(CancelledError):
        list(work)
    assert alive(tmp_path) == []


@pytest.mark.slow
def test_leaving_early_stops_everybody():
    def family():
        return {child.pid for child in psutil.Process().children(recursive=True)}

    list(ProcessExecutor(2).run(square, range(2), print, CancelToken()))
    before = family()  # the fork server stays
    for _ in ProcessExecutor(2).run(square, range(50), print, CancelToken()):
        assert len(family() - before) == 2
        break
    assert family() <= before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_nobody_outlives_a_killed_caller(tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_execution_executor import wait_for_the_end\n"
        "from effigie.progress import CancelToken; from effigie.execution import ProcessExecutor\n"
        "if __name__ == '__main__':\n"
        "    list(ProcessExecutor(2).run(wait_for_the_end, [sys.argv[2]] * 2, print, CancelToken()))\n"
    )
    script = tmp_path / "caller.py"
    script.write_text(program)
    folder = tmp_path / "workers"
    folder.mkdir()
    command = [sys.executable, str(script), str(Path(__file__).parent), str(folder)]
    with subprocess.Popen(command) as caller:
        try:
            until(lambda: len(list(folder.iterdir())) >= 2)
            assert len(alive(folder)) == 2
        finally:
            caller.kill()
    until(lambda: not alive(folder))


def test_cores_are_those_this_process_may_use():
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("no affinity here")
    allowed = os.sched_getaffinity(0)
    assert available_cores() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_a_plain_script_needs_no_main_guard(tmp_path):
    """Python would run the script again in every worker, which then starts workers of its own, and fails."""
    script = tmp_path / "script.py"
    script.write_text(
        "import math\n"
        "from effigie.progress import CancelToken\n"
        "from effigie.execution import ProcessExecutor\n"
        "print('once')\n"
        "executor = ProcessExecutor(2)\n"
        "executor.warm_up()\n"
        "print(sorted(dict(executor.run(math.factorial, [3, 4], print, CancelToken())).values()))\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n")[:2] == ["once", "[6, 24]"]
