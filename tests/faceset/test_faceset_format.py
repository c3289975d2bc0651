"""Tests of parts: round trip, and the format that docs/formats.md describes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effigie.errors import FaceSetError
from effigie.faceset import FaceRecord, Faces, FaceSet, write_segment
from effigie.faceset.schema import COLUMNS, LIST_COLUMNS

HERE = Path(__file__).parent
INT64 = st.integers(-(2**63), 2**63 - 1)
EXTREMES = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, 3.4e38, 1 / 3], np.float32)


@st.composite
def records(draw: st.DrawFn) -> FaceRecord:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    arrays = {name: random.normal(size=shape).astype(np.float32) for name, shape in LIST_COLUMNS.items()}
    for array in arrays.values():
        array.flat[0] = draw(st.sampled_from(EXTREMES))
    return FaceRecord(
        clip="clip",
        frame=draw(INT64),
        time=Fraction(draw(INT64), draw(st.integers(1, 2**63 - 1))),
        track=draw(INT64),
        sharpness=draw(st.floats()),
        confidence=draw(st.floats()),
        crop=draw(st.binary(max_size=300)),
        **arrays,
    )


def exact_time(faces: Faces, index: int) -> Fraction:
    return Fraction(int(faces["time_num"][index]), int(faces["time_den"][index]))


def assert_same(found: FaceRecord, expected: FaceRecord) -> None:
    for field in fields(FaceRecord):
        first, second = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(second, np.ndarray):
            assert first.dtype == np.float32 and first.shape == second.shape
            assert first.tobytes() == second.tobytes(), field.name
        else:
            assert type(first) is type(second)
            assert first == second or (first != first and second != second), field.name


@settings(max_examples=25, deadline=None)
@given(st.lists(records(), max_size=5), st.integers(1, 60))
def test_any_record_comes_out_as_it_went_in(faces: list[FaceRecord], repeat: int) -> None:
    many = faces * repeat
    with tempfile.TemporaryDirectory() as folder:
        faceset = FaceSet.create(folder, {"crop_size": 64})
        with faceset.writer(faceset.create_source("clip.mp4", "0" * 64)) as writer:
            writer.write(many)
        found = FaceSet.open(folder, allow_empty=True)
        assert len(found) == len(many)
        for one, other in zip(found.records(), many, strict=True):
            assert_same(one, other)
        loaded = found.load()
        for index, record in enumerate(many):
            assert exact_time(loaded, index) == record.time
            assert loaded.jpeg_bytes(index) == record.crop
            assert loaded.landmarks[index].tobytes() == record.landmarks.tobytes()


@settings(max_examples=10, deadline=None)
@given(st.lists(records(), min_size=1, max_size=4))
def test_segments_join_into_the_same_part(faces: list[FaceRecord]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        faceset = FaceSet.create(folder, {"crop_size": 64})
        with faceset.segment_folder() as room, faceset.writer(faceset.create_source("clip.mp4", "0" * 64)) as writer:
            for number in range(2):
                assert write_segment(room / str(number), faces, 64) == len(faces)
                assert writer.append_segment(room / str(number)) == len(faces)
        assert not room.exists()
        for one, other in zip(FaceSet.open(folder).records(), faces * 2, strict=True):
            assert_same(one, other)


def test_a_segment_can_take_new_tracks_and_embeddings(new_set: FaceSet, make_face: Callable[..., FaceRecord]) -> None:
    embedding = make_face("clip", 0, person=3).embedding
    with new_set.segment_folder() as room, new_set.writer(new_set.create_source("clip.mp4", "0" * 64)) as writer:
        write_segment(room / "0", [make_face("clip", 5, track) for track in (0, 1)], 32)
        writer.append_segment(room / "0", tracks={0: 4}, embeddings={4: embedding})
    first, second = new_set.records()
    assert (first.track, second.track) == (4, 1)
    assert np.array_equal(first.embedding, embedding)
    assert_same(second, make_face("clip", 5, 1))
    assert_same(replace(first, track=0, embedding=make_face("clip", 5).embedding), make_face("clip", 5))
    table = pq.read_table(new_set.path / "part-clip.parquet")
    assert [crop["path"] for crop in table["crop"].to_pylist()] == ["clip.f0000005.t04.jpg", "clip.f0000005.t01.jpg"]


@pytest.mark.parametrize("name", LIST_COLUMNS)
def test_a_wrong_shape_is_refused(new_set: FaceSet, make_face: Callable[..., FaceRecord], name: str) -> None:
    wrong = replace(make_face("clip", 0), **{name: np.zeros((3, 5), np.float32)})
    with (
        pytest.raises(FaceSetError, match=f"{name} has shape"),
        new_set.writer(new_set.create_source("clip.mp4", "0" * 64)) as writer,
    ):
        writer.write([wrong])
    assert new_set.sources == {}


def test_the_file_is_an_ordinary_parquet_that_shows_pictures(mixed: FaceSet) -> None:
    file = pq.ParquetFile(mixed.path / "part-a.parquet")
    assert file.schema_arrow.names == list(COLUMNS)
    metadata = file.schema_arrow.metadata
    assert metadata[b"effigie.version"] == b"1" and metadata[b"effigie.crop_size"] == b"32"
    features = json.loads(metadata[b"huggingface"])["info"]["features"]
    assert list(features) == list(COLUMNS) and features["crop"] == {"_type": "Image"}
    assert [str(field.type) for field in file.schema_arrow.field("crop").type] == ["binary", "string"]
    assert file.metadata.num_row_groups == 2
    packing = {
        column.path_in_schema: column.compression
        for column in map(file.metadata.row_group(0).column, range(file.metadata.num_columns))
    }
    assert packing.pop("crop.bytes") == "UNCOMPRESSED" and set(packing.values()) == {"ZSTD"}


def test_version_1_stays_readable() -> None:
    """The folder beside this file was written by the first version; it is never written again."""
    faceset = FaceSet.open(HERE / "version1.faces")
    assert faceset.settings == {"crop_size": 16, "note": "frozen"}
    assert faceset.consents == ["consent-1"] and faceset.dropped[0]["ranges"] == ["interview:2:0"]
    source = faceset.sources["interview"]
    assert (source.frames, source.faces, source.width, source.height) == (4, 3, 640, 360)
    assert source.rate == Fraction(30000, 1001) and source.path == "clips/interview.mp4"
    faces = faceset.load(where="clip == 'interview'")
    assert faces.frame.tolist() == [0, 1, 3] and exact_time(faces, 2) == Fraction(1001, 10000)
    assert faces.landmarks[1, 477].tolist() == [1477.0, 477.5, -477.0]
    assert faces.matrix[0].tolist() == [[0.5, 0.0, 1.0], [0.0, 0.5, 2.0]]
    assert faces.crop(0).shape == (16, 16, 3) and abs(int(faces.crop(0)[8, 8, 0]) - 200) < 12
    assert faceset.sources["zofie_2"].faces == 1
