"""Tests of two runs on one output: the second is refused with a message before it has read anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

HOLDER = (
    "import sys; from pathlib import Path; from effigie.io.locks import lock_output\n"
    "with lock_output(Path(sys.argv[1])):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)
COMMANDS = {
    "extract": ("extract", "clip.mp4", "-o", "out"),
    "train": ("train", "--source", "a.faces", "--target", "b.faces", "-o", "out", "--steps", 1),
    "tune": ("tune", "me.png", "-o", "out"),
    "meta-train": ("meta-train", "a.faces", "-o", "out", "--steps", 1),
    "convert": ("convert", "model", "clip.mp4", "--frames-to", "out"),
    "animate": ("animate", "me.png", "--driver", "clip.mp4", "--frames-to", "out"),
}


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A folder in which another process writes ``out``; and its number."""
    folder = tmp_path_factory.mktemp("held")
    (folder / "clip.mp4").write_bytes(b"nobody reads this")
    command = [sys.executable, "-c", HOLDER, str(folder / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield folder, process.pid
        process.kill()


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_second_run_is_told_to_wait(here, held, verb, monkeypatch):
    folder, owner = held
    monkeypatch.chdir(folder)
    ended = here(*COMMANDS[verb])
    assert ended.code == 1
    line = ended.line()
    assert f"process {owner}" in line
    assert "out: wait until it is done, or choose another output" in line
    assert sorted(path.name for path in folder.iterdir()) == [".out.lock", "clip.mp4"]
