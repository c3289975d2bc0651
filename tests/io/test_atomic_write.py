"""Tests of atomic writes: whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from effigie.errors import EffigieError
from effigie.io.atomic_write import atomic_write, content_digest, discard, sha256, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "deep" / "clip.mp4"
    with atomic_write(path) as temporary:
        assert temporary.suffix == ".mp4"
        assert temporary.parent == path.parent
        temporary.write_bytes(b"half")
        assert not path.exists()
    assert path.read_bytes() == b"half"
    assert names(path.parent) == ["clip.mp4"]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_breaks_off_leaves_the_old(tmp_path, stop, kind):
    path = tmp_path / "out"
    if kind == "file":
        path.write_text("old")
    else:
        path.mkdir()
        (path / "0.png").write_text("old")
    with pytest.raises(stop), atomic_write(path) as temporary:
        if kind == "file":
            temporary.write_text("new")
        else:
            temporary.mkdir()
            (temporary / "0.png").write_text("new")
        raise stop
    assert names(tmp_path) == ["out"]
    assert (path if kind == "file" else path / "0.png").read_text() == "old"


def test_a_folder_takes_the_place_of_a_folder(tmp_path):
    path = tmp_path / "frames"
    path.mkdir()
    (path / "old.png").write_text("old")
    with atomic_write(path) as temporary:
        temporary.mkdir()
        (temporary / "new.png").write_text("new")
    assert names(path) == ["new.png"]
    assert names(tmp_path) == ["frames"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old(tmp_path, monkeypatch):
    """The system refuses the second of the two renames that replace a folder."""
    path = tmp_path / "frames"
    path.mkdir()
    (path / "old.png").write_text("old")
    rename = os.rename

    def refuse(source, target, **options):
        if str(target) == str(path) and "partial" in str(source) and not str(source).endswith(".old"):
            raise OSError(errno.EBUSY, "the folder is in use")
        return rename(source, target, **options)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(OSError, match="in use"), atomic_write(path) as temporary:
        temporary.mkdir()
    assert names(path) == ["old.png"]
    assert names(tmp_path) == ["frames"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "disk full"),
        (errno.EDQUOT, "disk full"),
        (errno.EACCES, "permission"),
        (errno.EROFS, "permission"),
        (errno.EFBIG, "too large"),
        (errno.EIO, "cannot write"),
    ],
)
def test_the_system_says_no(tmp_path, code, words):
    path = tmp_path / "out.mp4"
    with pytest.raises(EffigieError, match=words) as caught, atomic_write(path) as temporary:
        temporary.write_bytes(b"half")
        raise OSError(code, os.strerror(code))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


def test_other_errors_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "out"):
        (tmp_path / "missing").read_text()


def test_the_longest_name_the_system_allows(tmp_path):
    path = tmp_path / ("x" * 251 + ".mp4")
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"whole")
    assert names(tmp_path) == [path.name]


def test_a_kill_leaves_nothing_under_the_name_and_is_cleared_up_later(tmp_path):
    path = tmp_path / "out.mp4"
    program = (
        "import os, signal, sys; from pathlib import Path; from effigie.io.atomic_write import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left != path
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"whole")
    assert left.exists()  # so young that its writer might live
    long_ago = time.time() - 7200
    os.utime(left, (long_ago, long_ago))
    other = tmp_path / left.name.replace("out", "other")
    other.write_bytes(b"")
    os.utime(other, (long_ago, long_ago))
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"whole")
    assert names(tmp_path) == sorted(["out.mp4", other.name])


def test_discard_takes_anything(tmp_path):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    for name in ("folder", "file", "missing"):
        discard(tmp_path / name)
    assert names(tmp_path) == []


def test_json_is_readable_and_whole(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"name": "Zoë", "steps": [1, 2]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"name": "Zoë", "steps": [1, 2]}
    assert "Zoë" in path.read_text(encoding="utf-8")
    with pytest.raises(TypeError):
        write_json(path, {"name": object()})
    assert json.loads(path.read_text(encoding="utf-8"))["name"] == "Zoë"
    assert names(tmp_path) == ["a.json"]


def test_sha256_of_more_than_one_block(tmp_path):
    data = os.urandom((1 << 20) + 17)
    (tmp_path / "a").write_bytes(data)
    assert sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_content_of_a_folder_is_names_and_contents_but_for_hidden_files(tmp_path):
    (tmp_path / "0.png").write_bytes(b"a")
    (tmp_path / "1.png").write_bytes(b"b")
    before = content_digest(tmp_path)
    (tmp_path / ".DS_Store").write_bytes(b"where icons lie")
    assert content_digest(tmp_path) == before
    (tmp_path / "1.png").rename(tmp_path / "2.png")
    moved = content_digest(tmp_path)
    (tmp_path / "2.png").write_bytes(b"c")
    assert len({before, moved, content_digest(tmp_path)}) == 3
