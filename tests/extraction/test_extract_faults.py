"""Tests of extraction from broken clips and of interrupted runs: one message, no torn file, a rerun finishes."""

from __future__ import annotations

import os
import shutil
import signal
import time

import av
import numpy as np
import pytest

from effigie.faceset import FaceSet


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def long_clip(sample, tmp_path_factory):
    """The woman's first 150 frames: some seconds of work."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    with av.open(str(sample("sample_woman"))) as source, av.open(str(path), "w") as output:
        template = source.streams.video[0]
        stream = output.add_stream_from_template(template)
        for count, packet in enumerate(source.demux(template)):
            if count == 150 or packet.dts is None:
                break
            packet.stream = stream
            output.mux(packet)
    return path


def test_missing(here, tmp_path):
    ended = here("extract", "missing.mp4", "-o", "faces")
    assert ended.code == 1
    assert "missing.mp4" in ended.line()
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"not a clip, just words\n" * 40], ids=["empty", "text"])
def test_no_clip_at_all(here, tmp_path, content):
    (tmp_path / "clip.mp4").write_bytes(content)
    ended = here("extract", "clip.mp4", "-o", "faces")
    assert ended.code == 1
    assert "clip.mp4" in ended.line()
    assert names(tmp_path) == ["clip.mp4"]


@pytest.mark.slow
def test_one_bad_clip_does_not_stop_the_others(here, man, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(man.read_bytes()[:20000])
    ended = here("extract", "bad.mp4", man, "-o", "faces", "--every", 24, "--json")
    assert ended.code == 1
    assert "bad.mp4" in ended.line()
    assert '"faces": 3' in ended.out
    assert len(FaceSet.open(tmp_path / "faces")) == 3
    again = here("extract", man, "-o", "faces", "--every", 24)
    assert again.code == 0
    assert "done already" in again.out


def test_cut_short_gives_what_is_whole(here, man, tmp_path):
    """A stream format without an index at the end, cut in the middle."""
    with av.open(str(man)) as source, av.open(str(tmp_path / "whole.mkv"), "w") as output:
        template = source.streams.video[0]
        stream = output.add_stream_from_template(template)
        for packet in source.demux(template):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    data = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    ended = here("extract", "cut.mkv", "-o", "faces")
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    assert 10 < len(FaceSet.open(tmp_path / "faces")) < 72


@pytest.mark.slow
def test_a_clip_without_a_face(here, sample, tmp_path):
    """A clip without a face is a result, not a failure: the set exists and is empty."""
    clip = sample("sample_no_face")
    ended = here("extract", clip, "-o", "faces")
    assert ended.code == 0
    assert f"no face in {clip}" in ended.out
    assert "0 faces in 95 frames" in ended.out
    assert len(FaceSet.open(tmp_path / "faces", allow_empty=True)) == 0
    shown = here("faces", "info", "faces")
    assert shown.code == 1
    assert "holds no face" in shown.line()


@pytest.mark.slow
def test_the_disk_is_full(effigie, here, man, tmp_path):
    """A limit on file size stands in for it: the same calls fail in the same places, in the worker too."""
    ended = effigie("extract", man, "-o", "faces", file_limit=100_000)
    assert ended.code == 1
    assert "cannot write faces" in ended.line()
    assert [name for name in names(tmp_path / "faces") if name.startswith("part-")] == []
    assert here("extract", man, "-o", "faces").code == 0
    assert len(FaceSet.open(tmp_path / "faces")) == 72


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop(start, man, man_faces, long_clip, tmp_path, number):
    """The first clip is done, the second in work."""
    shutil.copytree(man_faces, tmp_path / "faces")
    command = start("extract", man, long_clip, "-o", "faces")
    command.wait_for("extract:")
    if number == signal.SIGINT:
        os.killpg(command.process.pid, number)  # a terminal's Ctrl-C goes to the workers too
    else:
        command.process.send_signal(number)
    ended = command.end()
    assert ended.code == 130
    assert "stopped" in ended.line()
    assert command.nobody_left(120)
    left = names(tmp_path / "faces")
    assert len([name for name in left if name.startswith("part-")]) == 1
    assert [name for name in left if name.startswith(".")] == []
    assert len(FaceSet.open(tmp_path / "faces")) == 72


@pytest.mark.slow
def test_asked_to_stop_while_the_workers_start(start, man, tmp_path):
    """A terminal's Ctrl-C finds them in the middle of their imports."""
    command = start("extract", man, "-o", "faces")
    command.wait_for("look at clips: 1/1")
    until = time.monotonic() + 120
    while len(command.family()) < 3:  # itself, and those that the workers are made by
        assert time.monotonic() < until
        time.sleep(0.01)
    os.killpg(command.process.pid, signal.SIGINT)
    ended = command.end()
    assert ended.code == 130
    assert "stopped" in ended.line()
    assert command.nobody_left(120)
    assert names(tmp_path / "faces") == ["faceset.json"]


def test_killed_and_run_again(start, here, man, man_faces, long_clip, tmp_path):
    """SIGKILL to the parent: its workers end by themselves, no part is torn, a rerun finishes and tidies."""
    shutil.copytree(man_faces, tmp_path / "faces")
    command = start("extract", man, long_clip, "-o", "faces")
    command.wait_for("extract:")
    assert len(command.family()) >= 3
    command.process.kill()
    assert command.end().code == -signal.SIGKILL
    assert command.nobody_left(120)
    assert len(FaceSet.open(tmp_path / "faces")) == 72
    assert [path for path in (tmp_path / "faces").iterdir() if path.name.startswith(".")]
    ended = here("extract", man, long_clip, "-o", "faces")
    assert ended.code == 0
    assert "done already: 1 clip" in ended.out
    faces = FaceSet.open(tmp_path / "faces")
    assert len(faces) == 72 + 150
    assert [name for name in names(tmp_path / "faces") if name.startswith(".")] == []
    assert len(np.unique(faces.load(())["clip"])) == 2


def kill_the_busiest(command):
    """Kill the busiest process, as the system does when memory runs out; returns its id."""
    busiest = max(
        (process for process in command.family() if process.pid != command.process.pid),
        key=lambda process: process.memory_info().rss,
    )
    busiest.kill()
    return busiest.pid


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing_but_time(start, long_clip, tmp_path):
    command = start("extract", long_clip, "-o", "faces")
    command.wait_for("extract:")
    kill_the_busiest(command)
    ended = command.end()
    assert ended.code == 0, ended.err
    assert command.nobody_left(120)
    assert len(FaceSet.open(tmp_path / "faces")) == 150


@pytest.mark.slow
def test_a_clip_that_kills_its_worker_again_is_reported_and_the_others_go_on(start, man, long_clip, tmp_path):
    command = start("extract", long_clip, man, "-o", "faces", "--workers", 1)  # the longest first
    command.wait_for("extract:")
    first = kill_the_busiest(command)
    command.wait_for("extract:", "1/2 clips")  # the other clip is done, and it is at this one again, alone
    assert kill_the_busiest(command) != first
    ended = command.end()
    assert ended.code == 1
    assert str(long_clip) in ended.line()
    assert "killed the process" in ended.line()
    assert command.nobody_left(120)
    assert len(FaceSet.open(tmp_path / "faces")) == 72


@pytest.mark.slow
def test_two_extractions_into_one_face_set(start, here, man, long_clip, tmp_path):
    command = start("extract", long_clip, "-o", "faces")
    command.wait_for("extract:")
    command.process.send_signal(signal.SIGSTOP)  # so that it cannot be done before the other one has asked
    ended = here("extract", man, "-o", "faces")
    command.process.send_signal(signal.SIGCONT)
    assert ended.code == 1
    assert f"process {command.process.pid}" in ended.line()
    assert "faces" in ended.line()
    assert command.end().code == 0
    assert len(FaceSet.open(tmp_path / "faces")) == 150
    assert names(tmp_path) == ["faces"]
