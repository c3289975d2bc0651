"""Tests of dropping and exporting: only named faces are affected."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from effigie.errors import CancelledError, EffigieError, FaceSetError, UsageError
from effigie.faceset import FaceSet, drop, export, summarize
from effigie.faceset.edit import parse_face_name
from effigie.progress import CancelToken


def names(faceset: FaceSet) -> list[str]:
    return [f"{record.clip}:{record.frame}:{record.track}" for record in faceset.records()]


def test_dropping_a_person_rewrites_only_its_parts(mixed: FaceSet) -> None:
    before = {record.crop for record in mixed.records() if (record.clip, record.track) != ("a", 1)}
    untouched = (mixed.path / "part-b.parquet").stat().st_mtime_ns
    gone = drop(mixed, clusters=[1])
    assert (gone.faces, gone.by_clip, gone.remaining) == (40, {"a": 40}, 260)
    again = FaceSet.open(mixed.path)
    assert (mixed.path / "part-b.parquet").stat().st_mtime_ns == untouched
    assert len(again) == 260 and len(again.people()) == 1
    assert {record.crop for record in again.records()} == before
    assert again.sources["a"].faces == 200 and again.sources["a"].frames == 240
    assert names(again) == names(mixed), "the open set agrees with a reload"
    assert again.dropped[0]["ranges"] == ["a:0-39:1"] and again.dropped[0]["clusters"] == [1]
    assert again.has_source(mixed.sources["a"].sha256), "a rerun of extract does not bring them back"


def test_conditions_add_up(mixed: FaceSet) -> None:
    gone = drop(mixed, clusters=[1], where="clip == 'b' and 10 <= frame < 12", names=["a:7:0", "part-a.parquet:9:0"])
    assert gone.by_clip == {"a": 42, "b": 2}
    left = names(FaceSet.open(mixed.path))
    assert len(left) == 256
    assert not {"a:7:0", "a:9:0", "b:10:0", "b:11:0"} & set(left) and {"a:8:0", "b:12:0"} <= set(left)
    assert mixed.dropped[-1]["ranges"] == ["a:7:0", "a:9:0", "a:0-39:1", "b:10-11:0"]


def test_a_dry_run_writes_nothing(mixed: FaceSet) -> None:
    before = {path.name: path.read_bytes() for path in mixed.path.iterdir()}
    gone = drop(mixed, where="frame < 5", dry_run=True)
    assert (gone.faces, gone.remaining, gone.dry_run) == (15, 285, True)
    assert {path.name: path.read_bytes() for path in mixed.path.iterdir()} == before


def test_dropping_nothing_writes_nothing(mixed: FaceSet) -> None:
    assert drop(mixed, where="frame > 1000").faces == 0
    assert mixed.dropped == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "nothing to drop"),
        ({"clusters": [5]}, "no cluster 5; it has 0, 1"),
        ({"where": "frame >= 0"}, "all 300 faces"),
        ({"names": ["a:0:0", "a:0:9"]}, "no face 'a:0:9'"),
        ({"names": ["../a:0:0"]}, "names no face"),
        ({"names": ["a"]}, "names no face"),
    ],
)
def test_a_wrong_drop_changes_nothing(mixed: FaceSet, wrong: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        drop(mixed, **wrong)
    assert len(FaceSet.open(mixed.path)) == 300


def test_a_drop_that_fails_halfway_changes_nothing(mixed: FaceSet) -> None:
    part = mixed.path / "part-b.parquet"
    crop = next(record.crop for record in mixed.records() if record.clip == "b" and record.frame == 30)
    data = bytearray(part.read_bytes())
    data[data.index(crop) + 20] ^= 1
    part.write_bytes(data)
    before = {path.name: path.read_bytes() for path in mixed.path.iterdir()}
    with pytest.raises(FaceSetError, match=r"part-b\.parquet"):
        drop(FaceSet.open(mixed.path), where="frame == 3")
    assert {path.name: path.read_bytes() for path in mixed.path.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("a:12:3", ("a", 12, 3)),
        ("part-a.parquet:12:-1", ("a", 12, -1)),
        ("part-a:12:3", ("part-a", 12, 3)),
        ("a.f0000012.t03.jpg", ("a", 12, 3)),
        ("some/folder/000004.日本-1.f12345678.t123.jpg", ("日本-1", 12345678, 123)),
    ],
)
def test_names_are_understood(name: str, parsed: tuple[str, int, int]) -> None:
    assert parse_face_name(name) == parsed


def test_export_writes_the_stored_bytes_and_a_table(mixed: FaceSet, tmp_path: Path) -> None:
    written = export(mixed, tmp_path / "out", by="sharpness", descending=True, where="clip == 'b'")
    assert written.pictures == 60
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files[0] == "000001.b.f0000059.t01.jpg" and files[59] == "000060.b.f0000000.t00.jpg"
    crops = {record.frame: record.crop for record in mixed.records() if record.clip == "b"}
    assert (tmp_path / "out" / files[0]).read_bytes() == crops[59]
    with (tmp_path / "out" / "faces.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["file"] for row in rows] == files[:-1]
    assert rows[0]["clip"] == "b" and float(rows[0]["sharpness"]) == 59 and rows[0]["cluster"] == "0"
    gone = drop(mixed, names=[str(tmp_path / "out" / name) for name in files[:3]])
    assert gone.by_clip == {"b": 3} and "b:59:1" not in names(mixed)


def test_export_spares_folders_that_hold_something(mixed: FaceSet, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "sea.jpg").write_bytes(b"x")
    with pytest.raises(FaceSetError, match="not empty"):
        export(mixed, tmp_path / "holiday")
    with pytest.raises(FaceSetError, match="not empty"):
        export(mixed, tmp_path / "holiday" / "sea.jpg")
    assert (tmp_path / "holiday" / "sea.jpg").read_bytes() == b"x"


def test_a_cancelled_export_leaves_nothing(mixed: FaceSet, tmp_path: Path) -> None:
    cancel = CancelToken()
    with pytest.raises(CancelledError):
        export(mixed, tmp_path / "out", progress=lambda report: cancel.set(), cancel=cancel)
    assert [path.name for path in tmp_path.iterdir()] == ["set.faces"]


def test_info_counts_and_warns(mixed: FaceSet, add: Callable[..., None]) -> None:
    found = summarize(mixed.path)
    assert (found.faces, found.crop_size, [clip["faces"] for clip in found.clips]) == (300, 32, [240, 60])
    assert [person.share for person in found.people] == pytest.approx([260 / 300, 40 / 300])
    assert found.spread["sharpness"][0] == 0 and found.spread["sharpness"][-1] == 199
    assert found.poses.counts.sum() == 300 and found.poses.filled == 4
    assert len(found.warnings) == 1 and f"effigie faces drop {mixed.path} --cluster 1" in found.warnings[0]
    json.dumps(found.to_json(), allow_nan=False)
    drop(mixed, clusters=[1])
    assert summarize(mixed.path).warnings == [] and summarize(mixed.path).dropped == 40
    add(mixed, "c", [(0, 0, 8)])
    add(mixed, "d", [(0, 0, 9)])
    assert "drop" in summarize(mixed).warnings[0] and '--where "cluster != 0"' in summarize(mixed).warnings[0]


def test_a_set_on_a_full_or_read_only_disk_is_explained(mixed: FaceSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("effigie.io.atomic_write.os.replace", full)
    with pytest.raises(EffigieError, match=r"disk full while writing .*part-a"):
        drop(mixed, where="clip == 'a' and frame < 5")
    monkeypatch.undo()
    assert len(FaceSet.open(mixed.path)) == 300
    assert not [path for path in mixed.path.iterdir() if "partial" in path.name]
