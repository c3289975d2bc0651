"""Tests of extraction from and to remote addresses, and with Ray: the same rows."""

from __future__ import annotations

import importlib.util

import fsspec
import numpy as np
import pytest

import effigie
from effigie.errors import FaceSetError
from effigie.extraction import ExtractSettings
from effigie.faceset import FaceSet

COLUMNS = ("landmarks", "embedding", "matrix", "time_num", "time_den", "sharpness", "box")


@pytest.fixture(scope="module")
def few(man, cut, tmp_path_factory):
    """Two stretches of the man, and one file that is no clip."""
    folder = tmp_path_factory.mktemp("few")
    for number in range(2):
        cut(man, folder / f"talk{number}.mp4", 8 * number, 8 * number + 8)
    (folder / "broken.mp4").write_bytes(b"no clip")
    return folder


@pytest.fixture(scope="module")
def local(few, tmp_path_factory):
    output = tmp_path_factory.mktemp("local") / "faces"
    report = effigie.extract([few], output, ExtractSettings(workers=2))
    assert (report.clips, report.faces, len(report.failed)) == (2, 16, 1)
    return output


def same_faces(one, other):
    first, second = (FaceSet.open(path) for path in (one, other))
    assert sorted(first.sources) == sorted(second.sources)
    rows = [faces.load(COLUMNS) for faces in (first, second)]
    assert all(np.array_equal(rows[0][name], rows[1][name]) for name in COLUMNS)
    return [r.crop for r in first.records()] == [r.crop for r in second.records()]


@pytest.mark.slow
def test_from_memory_into_memory(few, local, tmp_path):
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    for path in few.iterdir():
        memory.put_file(str(path), f"/clips/{path.name}")
    report = effigie.extract(["memory://clips/talk0.mp4"], "memory://sets/man.faces")
    assert (report.clips, report.output) == (1, "memory://sets/man.faces")
    report = effigie.extract(["memory://clips"], "memory://sets/man.faces")
    assert (report.clips, len(report.skipped)) == (1, 1)
    assert [clip.rpartition("/")[2] for clip in report.failed] == ["broken.mp4"]
    memory.get("/sets/man.faces", str(tmp_path / "man.faces"), recursive=True)
    assert same_faces(local, tmp_path / "man.faces")
    memory.pipe_file("/sets/other/notes.txt", b"something else")
    with pytest.raises(FaceSetError, match="not a face set"):
        effigie.extract(["memory://clips"], "memory://sets/other")
    memory.store.clear()


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: effigie[ray]")
def test_ray_finds_the_same(few, local, tmp_path):
    told = []
    settings = ExtractSettings(workers=2, engine="ray")
    report = effigie.extract([few], tmp_path / "faces", settings, progress=told.append)
    assert (report.clips, report.faces, len(report.failed)) == (2, 16, 1)
    assert same_faces(local, tmp_path / "faces")
    assert max(progress.done for progress in told if progress.stage == "extract") >= 16
    assert [path.name for path in (tmp_path / "faces").iterdir() if path.name.startswith(".")] == []
