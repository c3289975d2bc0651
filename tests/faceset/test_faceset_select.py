"""Tests of the filter language: what it selects, and that it refuses everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effigie.errors import FaceSetError, UsageError
from effigie.faceset import FaceSet, Filter, sort_faces
from effigie.faceset.measures import MEASURES


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("frame < 10", 30),
        ("frame < 10 and clip == 'a'", 20),
        ("clip != 'a' or track == 1", 100),
        ("not (clip == 'a')", 60),
        ("10 <= frame < 20", 30),
        ("abs(yaw) < 0.5", 7),
        ("-5 < +yaw <= -4 and clip == 'a' and track == 0", 5),
        ("cluster == 1", 40),
        ("identity > 0.5", 40),
        ("width == 100 and height == 120 and size > 109", 300),
        ("time == 0", 3),
        ("1 == 1", 300),
        ("'x' == 'y' or frame == 3", 3),
        ("confidence > 0.7 and roll == -3 and pitch >= 5 and jawOpen <= 1 and smile < 2 and eyes >= 0", 300),
    ],
)
def test_a_filter_chooses(mixed: FaceSet, text: str, count: int) -> None:
    assert len(mixed.load([], where=text)) == count


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__[0].__subclasses__()",
        "abs.__globals__ == 1",
        "open('/etc/passwd') == 1",
        "abs(frame, 2) < 1",
        "abs(x=frame) < 1",
        "abs(*frame) < 1",
        "max(frame) < 1",
        "[x for x in (1,)] == 1",
        "(lambda: 1)() == 1",
        "frame if frame else track",
        "(x := 1) == 1",
        "f'{frame}' == 'a'",
        "frame[0] == 1",
        "frame.real == 1",
        "frame + 1 == 2",
        "2 ** 9 ** 9 ** 9 > frame",
        "frame in (1, 2)",
        "frame is 1",
        "frame == True",
        "frame == None",
        "frame == b'a'",
        "frame == 1j",
        "frame == ...",
        "~frame == 1",
        "clip < 'b'",
        "clip == 1",
        "abs(clip) == 1",
        "-clip == 1",
        "not frame",
        "frame and track",
        "(frame < 1) == (track < 1)",
        "frame",
        "1",
        "'a'",
        "",
        "   ",
        "frame <",
        "frame < 1; track < 1",
        "frame < 1\ntrack < 1",
        "import os",
        "frame < 1 #" + "x" * 3000,
        "landmarks == 1",
        "crop == 'x'",
        "frame < 1" + "0" * 400,
        "(" * 300 + "frame < 1" + ")" * 300,
        "not " * 400 + "frame < 1",
        "frame < " + "-" * 900 + "1",
        "frame" + ".a" * 900 + " < 1",
        "frame\x00 < 1",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Filter(text)
    assert len(str(caught.value)) < 2300


@pytest.mark.slow
@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from(["frame", "<", "and", "(", ")", "abs", "-", "1", "not"])).map(" ".join)
)
def test_any_text_is_a_filter_or_a_usage_error(text: str) -> None:
    try:
        parsed = Filter(text)
    except UsageError:
        return
    assert set(parsed._names) <= set(MEASURES)


def test_a_wrong_name_lists_the_right_ones() -> None:
    with pytest.raises(UsageError, match=r"'sharpnes'; known: .*sharpness"):
        Filter("sharpnes > 1")


@pytest.mark.parametrize(
    "key", ["sharpness", "yaw", "pitch", "time", "confidence", "size", "mouth", "eyes", "identity", "clip", "jawOpen"]
)
def test_sort_orders_and_keeps_every_face(mixed: FaceSet, key: str) -> None:
    faces = sort_faces(mixed, key)
    assert len(faces) == 300 and len({faces.name(i) for i in range(300)}) == 300
    values = faces[key].tolist()
    assert values == sorted(values)
    assert sort_faces(mixed, key, descending=True)[key].tolist() == values[::-1]


def test_ties_keep_the_order_of_the_set(mixed: FaceSet) -> None:
    assert sort_faces(mixed, "confidence", where="clip == 'a' and track == 0").frame.tolist() == list(range(200))


def test_sort_by_identity_puts_strangers_last(mixed: FaceSet) -> None:
    assert {
        *zip(sort_faces(mixed, "identity").clip[-40:], sort_faces(mixed, "identity").track[-40:].tolist(), strict=True)
    } == {("a", 1)}


def test_a_filter_without_a_match_says_so(mixed: FaceSet) -> None:
    with pytest.raises(FaceSetError, match="no face matches 'frame > 1000'"):
        sort_faces(mixed, "yaw", where="frame > 1000")
