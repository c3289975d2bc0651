"""Tests of signing without a copy of the file."""

from __future__ import annotations

import dataclasses
import io
import os
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from credential_files import CLAIM, decoded, independent, make

from effigie.errors import EffigieError
from effigie.provenance.c2pa.box_space import BoxSpaceError, open_space
from effigie.provenance.c2pa.credentials import sign_in_place, sign_sidecar
from effigie.provenance.c2pa.reader import read_credentials

LARGE = 40 << 20  # bytes; more than the library keeps in memory


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFIGIE_HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("EFFIGIE_CERTIFICATE", "EFFIGIE_KEY", "EFFIGIE_TRUST_ANCHORS"):
            patch.delenv(name, raising=False)
        yield


def enlarge(path: Path, size: int) -> None:
    """Append a box of media data that nothing refers to."""
    with path.open("ab") as stream:
        stream.write(struct.pack(">I4s", size + 8, b"mdat"))
        stream.write(os.urandom(1 << 16) * (size >> 16))


@pytest.mark.parametrize("kind", ["mp4", "mov", "m4v"])
def test_signed_in_place_is_valid_and_shows_the_same(tmp_path: Path, kind: str) -> None:
    earlier = make(tmp_path / "earlier.mp4", 5)
    assert sign_in_place(earlier, CLAIM)
    path = make(tmp_path / f"out.{kind}")
    frames = decoded(path)
    assert sign_in_place(path, dataclasses.replace(CLAIM, ingredients=(earlier,)))
    assert read_credentials(path).state == "trusted"
    assert "validation_status" not in independent(path) or all(
        one["code"] == "signingCredential.untrusted" for one in independent(path)["validation_status"]
    )
    for before, after in zip(frames, decoded(path), strict=True):
        np.testing.assert_array_equal(before, after)


def test_any_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = make(tmp_path / "out.mp4")
    assert sign_in_place(path, CLAIM)
    data = path.read_bytes()
    chance = random.Random(1)
    for position in [*range(0, 96, 5), *chance.sample(range(len(data)), 60)]:
        changed = bytearray(data)
        changed[position] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        assert read_credentials(path).state not in ("trusted", "valid"), position


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_no_second_copy_is_made(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither beside the file nor in the folder for temporary files, of which there is none."""
    path = make(tmp_path / "out.mp4")
    enlarge(path, LARGE)
    path = path.rename(tmp_path / name)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    free = []
    original = os.fsync

    def watch(descriptor: int) -> None:
        free.append(sum(file.stat().st_size for file in tmp_path.iterdir()))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    if name.endswith(".mp4"):
        assert sign_in_place(path, CLAIM)
    else:
        sign_sidecar(path, CLAIM)
    assert read_credentials(path).state == "trusted"
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < LARGE + (1 << 20)
    assert all(size < LARGE + (1 << 20) for size in free)


def test_a_picture_is_left_to_be_copied(tmp_path: Path) -> None:
    path = make(tmp_path / "out.png")
    before = path.read_bytes()
    assert not sign_in_place(path, CLAIM)
    assert path.read_bytes() == before


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "out.mp4")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(EffigieError, match="cannot sign"):
        sign_in_place(path, CLAIM)


def box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def movie(table: bytes) -> bytes:
    """An MP4 as far as places go: ftyp, moov with one table of places, mdat."""
    nested = table
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        nested = box(kind, nested)
    return box(b"ftyp", b"isom", bytes(4)) + nested + box(b"mdat", bytes(range(200)))


@pytest.mark.parametrize(("kind", "form"), [(b"stco", ">3I"), (b"co64", ">3Q")])
def test_places_follow_what_they_point_at(kind: bytes, form: str) -> None:
    empty = movie(box(kind, bytes(4), struct.pack(">I", 3), struct.pack(form, 0, 0, 0)))
    start = empty.index(b"mdat") + 4
    table = box(kind, bytes(4), struct.pack(">I", 3), struct.pack(form, start, start + 50, start + 120))
    data = movie(table)
    stream = io.BytesIO(data)
    gap = open_space(stream, 1000)
    after = stream.getvalue()
    assert gap == 16 and len(after) == len(data) + 1000 and not any(after[16:1016])
    places = struct.unpack_from(form, after, after.index(kind) + 12)
    assert [after[place] for place in places] == [0, 50, 120]


def test_what_cannot_be_opened_stays_as_it_was() -> None:
    far = movie(box(b"stco", bytes(4), struct.pack(">I", 2), struct.pack(">2I", 100, 2**32 - 10)))
    fragmented = movie(b"") + box(b"moof", bytes(20))
    lying = movie(box(b"stco", bytes(4), struct.pack(">I", 500)))
    for data in (far, fragmented, lying, b"", b"words and words", box(b"moov", bytes(8))):
        stream = io.BytesIO(data)
        with pytest.raises(BoxSpaceError):
            open_space(stream, 1000)
        assert stream.getvalue() == data
