"""Tests of output locks, and of files that killed writers left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from effigie.errors import EffigieError, OutputLockedError, UsageError
from effigie.io.atomic_write import atomic_write, temporary_path
from effigie.io.locks import lock_output, with_output_lock

HOLDER = (
    "import sys; from pathlib import Path; from effigie.io.locks import lock_output\n"
    "with lock_output(Path(sys.argv[1])):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of ``out.mp4``."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "out.mp4")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_told_who_and_what_to_do(tmp_path, holder):
    with pytest.raises(OutputLockedError) as caught, lock_output(tmp_path / "out.mp4"):
        raise AssertionError("two writers")
    message = str(caught.value)
    assert f"process {holder.pid}" in message
    assert str(tmp_path / "out.mp4") in message
    assert "wait" in message and "another output" in message
    assert "\n" not in message
    assert caught.value.exit_code == 1
    with lock_output(tmp_path / "out.mkv"):  # another output is nobody's business
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_lock_ends_with_its_process(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert names(tmp_path) == [".out.mp4.lock"]
    with lock_output(tmp_path / "out.mp4"):
        assert names(tmp_path) == [".out.mp4.lock"]
    assert names(tmp_path) == []


def test_two_threads_of_one_process(tmp_path):
    with ThreadPoolExecutor(1) as other, lock_output(tmp_path / "out"):

        def second():
            with lock_output(tmp_path / "out"):
                return "in"

        with pytest.raises(OutputLockedError):
            other.submit(second).result()
    with lock_output(tmp_path / "out"):
        pass


def test_of_many_at_once_one_at_a_time(tmp_path):
    """Each process increments a count that a second writer at the same time would corrupt."""
    (tmp_path / "count").write_text("0")

    def add(_):
        for _ in range(20):
            while True:
                with contextlib.suppress(OutputLockedError), lock_output(tmp_path / "out"):
                    value = int((tmp_path / "count").read_text())
                    time.sleep(0.0005)
                    (tmp_path / "count").write_text(str(value + 1))
                    break
                time.sleep(0.0005)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert (tmp_path / "count").read_text() == "80"
    assert names(tmp_path) == ["count"]


def test_what_stops_the_block_passes_and_folders_made_for_the_lock_go(tmp_path):
    with pytest.raises(KeyboardInterrupt), lock_output(tmp_path / "new" / "deep" / "out"):
        assert (tmp_path / "new" / "deep").is_dir()
        raise KeyboardInterrupt
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_where_no_lock_can_be_had_the_write_says_what_is_wrong(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with (
        pytest.raises(EffigieError, match="permission"),
        lock_output(tmp_path / "closed" / "out"),
        atomic_write(tmp_path / "closed" / "out") as temporary,
    ):
        temporary.write_bytes(b"")


def test_a_folder_in_the_way_of_the_lock_is_not_the_end(tmp_path):
    (tmp_path / ".out.lock").mkdir()
    with lock_output(tmp_path / "out"):
        (tmp_path / "out").write_bytes(b"whole")
    assert (tmp_path / "out").read_bytes() == b"whole"


def test_what_killed_writers_left_goes_at_once_and_nothing_else_does(tmp_path, holder):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path = tmp_path / "model"
    (path / "bank").mkdir(parents=True)

    def left(beside, process):
        name = temporary_path(beside)
        name = name.with_name(name.name.replace(f".{os.getpid()}-", f".{process}-"))
        name.write_bytes(b"half")
        return name

    dead = [left(path, gone.pid), left(path / "config.json", gone.pid), left(path / "bank" / "a", gone.pid)]
    others = [left(tmp_path / "model.b", gone.pid), left(path / "weights", holder.pid), path / ".download.partial"]
    others[-1].write_bytes(b"somebody else's")
    with lock_output(path):
        pass
    assert [file.name for file in dead if file.exists()] == []
    assert [file.name for file in others if not file.exists()] == []


def test_a_folder_killed_between_aside_and_replaced_comes_back(tmp_path):
    """The two renames that replace a folder, and a kill between them."""
    path = tmp_path / "frames"
    path.mkdir()
    (path / "0.png").write_text("old")
    program = (
        "import os, signal, sys; from pathlib import Path; import effigie.io.atomic_write as files\n"
        "rename = os.rename\n"
        "def once(source, target, **options):\n"
        "    rename(source, target, **options); os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.replace = os.rename = once\n"
        "with files.atomic_write(Path(sys.argv[1])) as temporary:\n"
        "    temporary.mkdir(); (temporary / '0.png').write_text('new')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not path.exists()
    with lock_output(path):
        assert (path / "0.png").read_text() == "old"
    assert names(tmp_path) == ["frames"]


def test_a_living_writer_is_known_whatever_the_clock_says(tmp_path, monkeypatch):
    """Another call for the same path, with the clock a year ahead, does not remove the living writer's file."""
    now = time.time()
    with atomic_write(tmp_path / "out") as first:
        first.write_bytes(b"first")
        monkeypatch.setattr(time, "time", lambda: now + 3e7)
        with atomic_write(tmp_path / "out") as second:
            second.write_bytes(b"second")
        assert first.exists()
    assert (tmp_path / "out").read_bytes() == b"first"


def test_the_decorator_finds_its_path_however_it_is_given(tmp_path, holder, monkeypatch):
    @with_output_lock("output")
    def write(text, output):
        output.write_text(text)
        return text

    for arguments, named in (((), {"output": tmp_path / "a", "text": "x"}), (("x", tmp_path / "a"), {})):
        assert write(*arguments, **named) == "x"
    with pytest.raises(OutputLockedError):
        write("x", tmp_path / "out.mp4")
    with pytest.raises(UsageError):
        write("x", "/")
    assert not (tmp_path / "out.mp4").exists()
    monkeypatch.setenv("RANK", "1")  # the second of two that train together
    assert write("x", tmp_path / "out.mp4") == "x"
