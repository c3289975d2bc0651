"""Tests of the store: kills, damage, versions, names, and the cost of reading columns."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from effigie.errors import FaceSetError, UsageError
from effigie.faceset import FaceRecord, FaceSet
from effigie.faceset.columns import CropReader

Make = Callable[..., FaceRecord]
Add = Callable[..., None]

KILLED = """
import sys
from fractions import Fraction
import numpy as np
from effigie.faceset import FaceRecord, FaceSet
from effigie.faceset.schema import LIST_COLUMNS
arrays = {name: np.zeros(shape, np.float32) for name, shape in LIST_COLUMNS.items()}
faceset = FaceSet.open(sys.argv[1])
with faceset.segment_folder(), faceset.writer(faceset.create_source("killed.mp4", "f" * 64)) as writer:
    numbers = dict(track=0, sharpness=0, confidence=0, crop=b"")
    writer.write(FaceRecord("killed", i, Fraction(i), **numbers, **arrays) for i in range(300))
    print("writing", flush=True)
    sys.stdin.read()
"""


def files(faceset: FaceSet) -> set[str]:
    return {path.name for path in faceset.path.iterdir()}


def test_a_killed_writer_leaves_nothing_under_a_final_name(mixed: FaceSet) -> None:
    before = files(mixed)
    command = [sys.executable, "-c", KILLED, str(mixed.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"writing\n"
        alive = files(mixed) - before
        assert len(alive) == 2 and all(".partial" in name for name in alive)
        assert len(FaceSet.open(mixed.path)) == 300
        assert files(mixed) - before == alive, "a living writer's files were swept away"
        for name in alive:
            os.utime(mixed.path / name, (0, 0))
        FaceSet.open(mixed.path)
        assert files(mixed) - before == alive, "age alone does not condemn a file"
        child.send_signal(signal.SIGKILL)
    found = FaceSet.open(mixed.path)
    assert not found.has_source("f" * 64) and len(found) == 300
    assert files(mixed) == before


def test_an_exception_leaves_the_earlier_part(mixed: FaceSet, make_face: Make) -> None:
    before = files(mixed)
    with pytest.raises(RuntimeError, match="camera"), mixed.writer(mixed.sources["a"]) as writer:
        writer.write(make_face("a", i) for i in range(200))
        raise RuntimeError("camera on fire")
    assert files(mixed) == before and len(FaceSet.open(mixed.path)) == 300


def test_a_part_whose_entry_was_never_written_is_adopted(mixed: FaceSet) -> None:
    index = mixed.path / "faceset.json"
    document = json.loads(index.read_text())
    source = document["sources"].pop("b")
    index.write_text(json.dumps(document))
    found = FaceSet.create(mixed.path, mixed.settings)
    assert found.has_source(source["sha256"]) and len(found) == 300
    assert found.sources["b"] == mixed.sources["b"]


def test_deferred_writes_the_index_once(new_set: FaceSet, add: Add) -> None:
    with new_set.defer_index():
        add(new_set, "a", [(0, 0, 0)])
        assert json.loads((new_set.path / "faceset.json").read_text())["sources"] == {}
        assert len(FaceSet.open(new_set.path)) == 1, "the part speaks for itself"
    assert list(json.loads((new_set.path / "faceset.json").read_text())["sources"]) == ["a"]


def test_a_rerun_skips_what_is_done_and_redoes_what_is_damaged(mixed: FaceSet) -> None:
    digests = {name: source.sha256 for name, source in mixed.sources.items()}
    (mixed.path / "part-a.parquet").write_bytes(b"PAR1")
    (mixed.path / "part-b.parquet").unlink()
    again = FaceSet.create(mixed.path, mixed.settings)
    assert not any(map(again.has_source, digests.values()))
    assert again.create_source("a.mp4", digests["a"]).part == "part-a.parquet"


def test_other_settings_need_another_folder(mixed: FaceSet) -> None:
    with pytest.raises(FaceSetError, match=r"other settings \(every\)"):
        FaceSet.create(mixed.path, {"crop_size": 32, "every": 2})
    with pytest.raises(UsageError, match="crop_size"):
        FaceSet.create(mixed.path, {})


def test_create_leaves_foreign_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(FaceSetError, match="not a face set"):
        FaceSet.create(tmp_path, {"crop_size": 64})
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def rewrite_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_open_says_in_one_line_what_is_wrong(mixed: FaceSet, tmp_path: Path) -> None:
    index = mixed.path / "faceset.json"
    good = index.read_text()

    def complaint(path: Path = mixed.path) -> str:
        with pytest.raises(FaceSetError) as caught:
            FaceSet.open(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "does not exist" in complaint(tmp_path / "none")
    assert "is a file" in complaint(index)
    assert "holds no faceset.json" in complaint(tmp_path)
    for broken in ("", "{", "[]", "{}", good[: len(good) // 2], '{"format": "a cake"}', "\x00\xff"):
        index.write_text(broken)
        assert "damaged" in complaint() and "faceset.json" in complaint()
    index.write_text(good)
    rewrite_json(index, sources={"a": {"name": "a"}})
    assert "damaged" in complaint()
    rewrite_json(index, sources=5)
    assert "damaged" in complaint()
    index.write_text(good)
    rewrite_json(index, version=2, settings="of the future")
    assert "version 2" in complaint() and "update effigie" in complaint()
    index.write_text(good)
    (mixed.path / "part-b.parquet").rename(mixed.path / "part-c.parquet")
    assert "part-b.parquet" in complaint()
    (mixed.path / "part-c.parquet").unlink()
    assert "part missing" in complaint() and "part-b.parquet" in complaint()


def test_an_empty_set_is_an_error_unless_allowed(new_set: FaceSet) -> None:
    with pytest.raises(FaceSetError, match="holds no face"):
        FaceSet.open(new_set.path)
    empty = FaceSet.open(new_set.path, allow_empty=True)
    assert len(empty.load()) == 0 and empty.load().landmarks.shape == (0, 478, 3) and empty.people() == []


def test_a_part_of_a_newer_version_is_refused(mixed: FaceSet) -> None:
    part = mixed.path / "part-b.parquet"
    data = part.read_bytes()
    assert data.count(b"effigie.version\x18\x011") == 1
    part.write_bytes(data.replace(b"effigie.version\x18\x011", b"effigie.version\x18\x012"))
    with pytest.raises(FaceSetError, match=r"part-b\.parquet is of version 2"):
        FaceSet.open(mixed.path)


@pytest.mark.parametrize("cut", [0, 3, 4, 100, -1, -8, -200])
def test_a_cut_part_is_named(mixed: FaceSet, cut: int) -> None:
    part = mixed.path / "part-b.parquet"
    part.write_bytes(part.read_bytes()[:cut])
    with pytest.raises(FaceSetError, match=r"damaged part .*part-b\.parquet"):
        FaceSet.open(mixed.path)


def test_a_flipped_bit_is_found_by_its_checksum(mixed: FaceSet) -> None:
    part = mixed.path / "part-b.parquet"
    crop = next(record.crop for record in mixed.records() if record.clip == "b")
    data = bytearray(part.read_bytes())
    data[data.index(crop) + len(crop) // 2] ^= 4
    part.write_bytes(data)
    found = FaceSet.open(mixed.path)
    faces = found.load(["pose"], where="clip == 'b'")
    with pytest.raises(FaceSetError, match=r"damaged part .*part-b\.parquet"):
        faces.crop(0)
    with pytest.raises(FaceSetError, match=r"damaged part .*part-b\.parquet"):
        list(found.records())


def test_names_cannot_leave_the_folder(new_set: FaceSet, make_face: Make) -> None:
    paths = [
        "../../etc/pass wd.mp4",
        "..",
        "a/b/.mp4",
        "c:\\x\\y.mov",
        "line\nbreak.mp4",
        "nul\x00.mp4",
        "части тела.mp4",
    ]
    paths += [
        "é" * 300 + ".mp4",
        "e\u0301.mp4",
        "\u00e9.mp4",
        "x.mp4",
        "deep/x.mp4",
        "deep/X.MOV",
        "x.y.mp4",
        "日本/日本.mkv",
    ]
    for number, path in enumerate(paths):
        source = new_set.create_source(path, f"{number:064x}")
        with new_set.writer(source) as writer:
            writer.write([make_face(source.name, number)])
    inside = [path for path in new_set.path.iterdir() if path.name.startswith("part-")]
    assert len(inside) == len(paths) == len({path.name.casefold() for path in inside})
    assert [path.name for path in new_set.path.parent.iterdir()] == ["set.faces"]
    again = FaceSet.open(new_set.path)
    assert sorted(again.load(["pose"]).frame) == list(range(len(paths)))
    assert {source.path for source in again.sources.values()} == set(paths)
    assert "части_тела" in again.sources and "日本" in again.sources


def test_equal_names_are_told_apart_before_either_is_written(new_set: FaceSet) -> None:
    first, second = (new_set.create_source("one/take.mp4", "1" * 64), new_set.create_source("two/take.mp4", "2" * 64))
    assert (first.name, second.name) == ("take", "take-222222")
    assert new_set.create_source("elsewhere/copy.mp4", "1" * 64).name == "take"


@pytest.mark.parametrize("part", ["../part-a.parquet", "/part-a.parquet", "faceset.json", "part-../a.parquet"])
def test_a_hostile_index_cannot_reach_outside(mixed: FaceSet, part: str) -> None:
    index = mixed.path / "faceset.json"
    document = json.loads(index.read_text())
    document["sources"]["a"]["part"] = part
    index.write_text(json.dumps(document))
    with pytest.raises(FaceSetError, match="damaged description"):
        FaceSet.open(mixed.path)


def test_faces_of_another_clip_are_refused(mixed: FaceSet, make_face: Make) -> None:
    with pytest.raises(FaceSetError, match="'other'"), mixed.writer(mixed.sources["a"]) as writer:
        writer.write([make_face("other", 0)])


def test_load_reads_only_what_is_asked(mixed: FaceSet, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = mixed.load(["pose"], where="sharpness >= 190")
    assert sorted(faces.values) == ["clip", "frame", "pose", "track"]
    assert faces.frame.tolist() == list(range(190, 200)) and faces.row.tolist() == list(range(190, 200))
    with pytest.raises(FaceSetError, match="'landmarks' was not loaded"):
        _ = faces.landmarks
    with pytest.raises(UsageError, match="no such column: beauty"):
        mixed.load(["beauty"])
    everything = mixed.load()
    assert everything.landmarks.shape == (300, 478, 3) and everything.embedding.dtype == np.float32
    assert sum(len(batch) for batch in mixed.batches([])) == 300


def test_crops_are_decoded_on_demand(mixed: FaceSet, make_face: Make) -> None:
    faces = mixed.load([])
    wanted = [299, 0, 150, 0]
    images = faces.crops(wanted)
    assert images.shape == (4, 32, 32, 3) and images.dtype == np.uint8
    for image, index in zip(images, wanted, strict=True):
        assert np.array_equal(image, faces.crop(index))
    assert faces.jpeg_bytes(150) == make_face("a", 150, 0, 7).crop
    small = faces.crops(wanted, 16).astype(int)
    mean = images.reshape(4, 16, 2, 16, 2, 3).mean((2, 4))
    assert np.abs(small - mean).mean() < 2, "half-size decoding agrees with averaging"
    assert faces.crops([], 16).shape == (0, 16, 16, 3)
    assert np.array_equal(faces.take([150]).crop(0), images[2])
    assert np.array_equal(copy.deepcopy(faces).crop(150), images[2])


def test_the_crop_cache_is_bounded(mixed: FaceSet) -> None:
    faces = mixed.load([])
    reader = CropReader(faces._reader.parts, limit=1)
    crops = [reader.jpeg_bytes(int(part), int(row)) for part, row in zip(faces.part, faces.row, strict=True)]
    assert len(reader._groups) == 1
    assert crops == [record.crop for record in mixed.records()]


def test_faces_loaded_before_a_rewrite_say_so(mixed: FaceSet) -> None:
    faces = mixed.load([])
    keep = np.ones(240, bool)
    keep[0] = False
    mixed.rewrite({"a": keep}, {"why": "test"})
    with pytest.raises(FaceSetError, match="open it again"):
        faces.crop(5)
    assert mixed.load([]).crop(5).shape == (32, 32, 3)
