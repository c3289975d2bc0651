"""Tests of segments: equal to reading everything and discarding the rest."""

from __future__ import annotations

from fractions import Fraction

import pytest
from media_clips import Recipe, make

from effigie.errors import UsageError
from effigie.media import VideoReader
from effigie.media.container import open_container, select_video_stream
from effigie.media.seeking import find_entry_point, seek

UNEVEN = [0, 1, 2, 5, 6, 9, 10, 11, 20, 21, 22, 30, 31, 33, 36, 40, 41, 43, 44, 50]
X265 = "log-level=error:keyint=6:min-keyint=6:bframes=3"


def content(path, start=0, stop=None, threads=None):
    with VideoReader(path, start, stop, threads) as reader:
        return [(frame.index, frame.time, frame.duration, frame.image.tobytes()) for frame in reader]


CASES = {
    "h264": (".mp4", Recipe(), True),
    "h264 without B-frames, mkv": (".mkv", Recipe(options={"bf": "0", "g": "6"}), True),
    "h264, open groups of pictures": (".mp4", Recipe(options={"bf": "2", "x264-params": "keyint=6:open-gop=1"}), False),
    "h264, intra refresh": (".mp4", Recipe(options={"x264-params": "keyint=6:intra-refresh=1"}), False),
    "h264, variable rate": (".mov", Recipe(tick=Fraction(1, 600), ticks=[20 * tick for tick in UNEVEN]), True),
    "h264, late start": (".mp4", Recipe(ticks=range(30, 50)), True),
    "hevc, open": (".mp4", Recipe(codec="libx265", options={"x265-params": X265 + ":open-gop=1"}), True),
    "hevc, closed": (".mkv", Recipe(codec="libx265", options={"x265-params": X265 + ":open-gop=0"}), True),
    "vp9": (".mkv", Recipe(codec="libvpx-vp9", options={"g": "6", "b": "1M"}), True),
    "mjpeg": (".mov", Recipe(codec="mjpeg", pixel_format="yuvj420p", options={}), True),
    "mpeg program stream": (".mpg", Recipe(codec="mpeg1video", options={"bf": "2", "g": "6", "b": "1M"}), False),
    "gif": (".gif", Recipe(codec="gif", pixel_format="rgb8", tick=Fraction(8, 100), options={}), False),
}


@pytest.mark.parametrize("name", CASES)
def test_segments_are_exact(tmp_path, name):
    suffix, recipe, seeks = CASES[name]
    clip = make(tmp_path / f"clip{suffix}", recipe)
    everything = content(clip)
    assert len(everything) == 20
    for start in range(21):
        assert content(clip, start, start + 4) == everything[start : start + 4], start
    assert content(clip, 13) == everything[13:]
    assert any(find_entry_point(clip, start) is not None for start in range(20)) == seeks


def test_threads_do_not_change_frames(tmp_path):
    clip = make(tmp_path / "clip.mp4")
    assert content(clip, threads=1) == content(clip, threads=3) == content(clip)


def test_reading_twice_gives_the_same(tmp_path):
    clip = make(tmp_path / "clip.mp4")
    with VideoReader(clip, 7) as reader:
        first = [frame.time for frame in reader]
        assert first == [frame.time for frame in reader]


@pytest.mark.parametrize("name", [name for name, (_, _, is_entered) in CASES.items() if is_entered])
def test_every_entry_is_reached_by_one_seek(tmp_path, name):
    suffix, recipe, _ = CASES[name]
    path = make(tmp_path / f"clip{suffix}", recipe)
    with open_container(path) as container:
        stream = select_video_stream(container, path)
        entries = {point for start in range(1, 20) if (point := find_entry_point(path, start))}
        assert entries and all(seek(container, stream, point) for point in entries)


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (5, 4)])
def test_impossible_ranges(tmp_path, start, stop):
    with pytest.raises(UsageError):
        VideoReader(make(tmp_path / "clip.mp4"), start, stop)


def test_a_segment_past_the_end_is_empty(tmp_path):
    assert content(make(tmp_path / "clip.mp4"), 100) == []
