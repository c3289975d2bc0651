"""Tests of remote clips and outputs: a web server, memory, and clear errors where an address cannot be used."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import socket
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest

from effigie.errors import EffigieError, MediaError, UsageError
from effigie.io.storage import absolute_name, is_remote, local_copy, upload_on_exit
from effigie.media.inputs import find_clips, is_single_clip


@pytest.fixture
def memory():
    """An unused address in memory."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


class Quiet(SimpleHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()

    def end_headers(self):
        path = Path(self.translate_path(self.path))
        if path.is_file():
            self.send_header("ETag", f'"{hashlib.sha256(path.read_bytes()).hexdigest()}"')
        super().end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    """(address, folder) of a web server on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    Quiet.asked.clear()
    running = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", folder
    running.shutdown()
    running.server_close()


def test_from_memory_to_memory(memory, job):
    for name in ("a/talk.mp4", "b/talk.mp4", "b/other.mov", "b/notes.txt", "b/.hidden.mp4"):
        memory.pipe_file(f"/in/{name}", name.encode())
    clips = find_clips("memory://in")
    assert [clip.removeprefix("memory://").lstrip("/") for clip in clips] == [
        "in/a/talk.mp4",
        "in/b/other.mov",
        "in/b/talk.mp4",
    ]
    assert find_clips("memory://in/*/talk.mp4") == [clips[0], clips[2]]
    assert job(clips, output="memory://out").completed == 3
    completed = [path for path in memory.find("/out") if path.endswith(".mp4")]
    assert sorted(memory.cat_file(path) for path in completed) == [b"A/TALK.MP4", b"B/OTHER.MOV", b"B/TALK.MP4"]
    assert memory.cat_file("/out/other.mp4.notice.txt") == b"made here"
    assert [path for path in memory.find("/out") if "partial" in path] == []
    assert job(clips, output="memory://out").skipped == 3
    memory.pipe_file("/in/b/other.mov", b"new")
    assert job(clips, output="memory://out").completed == 1
    assert memory.cat_file("/out/other.mp4") == b"NEW"


@pytest.mark.parametrize("engine", ["inline", "local"])
def test_from_a_server(server, job, tmp_path, engine):
    pytest.importorskip("aiohttp", reason="fsspec reads from servers with it")
    address, folder = server
    (folder / "a b.mp4").write_text("one")
    clip = f"{address}/a%20b.mp4"
    report = job([clip, f"{address}/missing.mp4"], engine=engine)
    assert report.completed == 1
    assert "missing.mp4 does not exist" in report.failed[f"{address}/missing.mp4"]
    assert (tmp_path / "out" / "a%20b.mp4").read_text() == "ONE"
    fetched = len(Quiet.asked)
    assert job([clip], engine=engine).skipped == 1
    assert len(Quiet.asked) == fetched  # the server's tag said enough
    (folder / "a b.mp4").write_text("two")
    assert job([clip], engine=engine).completed == 1
    assert (tmp_path / "out" / "a%20b.mp4").read_text() == "TWO"


def test_nobody_answers(job):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        report = job([f"http://{host}/clip.mp4"], retries=0)
    assert host in next(iter(report.failed.values()))


def test_file_addresses_are_paths(job, clips, tmp_path):
    (path,) = clips("one")
    assert not is_remote(path.as_uri())
    assert absolute_name(f"file://{path}") == str(path)
    assert find_clips(f"file://{path}") == [str(path)]
    assert job([f"file://{path}"], output=f"file://{tmp_path / 'out'}").completed == 1
    assert (tmp_path / "out" / "clip0.mp4").read_text() == "ONE"
    with local_copy(f"file://{path}") as found:
        assert found == path


def test_a_kind_of_address_that_nobody_knows():
    with pytest.raises(UsageError, match="gopher"):
        find_clips("gopher://host/clip.mp4")


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="s3fs is installed")
def test_a_package_is_missing():
    with pytest.raises(UsageError, match="s3fs"):
        find_clips("s3://bucket/*.mp4")


def test_nothing_there(memory):
    memory.makedirs("/empty", exist_ok=True)
    with pytest.raises(MediaError, match="no clip found"):
        find_clips("memory://empty/*.mp4")


def test_what_cannot_be_uploaded_is_not_there(memory, monkeypatch):
    def full(*_, **__):
        raise OSError("the bucket is full")

    monkeypatch.setattr(type(memory), "put_file", full)
    with pytest.raises(EffigieError, match="bucket is full"), upload_on_exit("memory://out/clip.mp4") as path:
        path.write_text("made")
    assert memory.find("/out") == []


def test_what_fails_is_not_delivered(memory):
    with pytest.raises(RuntimeError), upload_on_exit("memory://out/clip.mp4") as path:
        path.write_text("half")
        raise RuntimeError
    assert memory.find("/out") == []


@pytest.mark.parametrize("name", ["memory://out/..", "memory://out/", "memory://out/.hidden"])
def test_an_output_needs_a_name(memory, name):
    with pytest.raises(UsageError, match="name the output"), upload_on_exit(name):
        pass


def test_one_clip_or_a_list(tmp_path):
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        (tmp_path / "pictures" / f"{number:04d}.png").touch()
    assert is_single_clip(tmp_path / "clip.mp4")
    assert is_single_clip(tmp_path / "pictures")
    assert is_single_clip(tmp_path / "missing.mp4")
    assert is_single_clip("s3://bucket/clip.mp4")
    assert not is_single_clip(tmp_path)
    assert not is_single_clip(f"{tmp_path}/*.mp4")
    assert not is_single_clip("s3://bucket/day-*/clip.mp4")
    assert not is_single_clip("s3://bucket/clips")
