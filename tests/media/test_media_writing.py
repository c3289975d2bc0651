"""Tests of writing: the same pictures, times, colours and sound."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate

import av
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_clips import HEIGHT, WIDTH, Recipe, Sound, make, number, picture, yuv
from media_convert import FAST, convert

from effigie.errors import UsageError
from effigie.media import EncodeSettings, VideoReader, VideoWriter, probe, read_still

UNEVEN = [0, 1, 2, 5, 6, 9, 10, 11, 20, 21, 22, 30, 31, 33, 36, 40, 41, 43, 44, 50]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(tick=Fraction(1001, 24000)),
        Recipe(tick=Fraction(1001, 24000), ticks=range(5, 25)),
        Recipe(tick=Fraction(1, 600), ticks=[20 * tick + tick % 3 for tick in UNEVEN]),
    ],
    ids=["25", "23.976", "late start", "variable"],
)
def test_pictures_and_times(tmp_path, suffix, codec, recipe):
    settings = EncodeSettings(codec=codec, preset="ultrafast", crf=12)
    given, got, writer = convert(make(tmp_path / "in.mov", recipe), tmp_path / f"out{suffix}", settings)
    assert [frame.time for frame in got] == [frame.time for frame in given] == recipe.times
    assert [number(frame.image) for frame in got] == list(range(20))
    assert np.mean([np.abs(a.image.astype(int) - b.image).mean() for a, b in zip(given, got, strict=True)]) < 3
    assert writer.notes == []


@pytest.mark.parametrize("size", [(97, 64), (96, 65), (97, 65)])
def test_odd_sizes_lose_nothing(tmp_path, size):
    clip = make(tmp_path / "in.mkv", codec="ffv1", size=size, options={}, count=3)
    given, got, writer = convert(clip, tmp_path / "out.mp4")
    width, height = size
    assert got[0].image.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(got[1].image[:height, :width].astype(int) - given[1].image).mean() < 4
    assert np.abs(got[1].image[-1].astype(int) - got[1].image[height - 1]).mean() < 8
    assert any("extended" in note for note in writer.notes)
    exact = EncodeSettings(pixel_format="yuv444p", preset="ultrafast")
    _, got, writer = convert(clip, tmp_path / "exact.mp4", exact)
    assert got[0].image.shape == (height, width, 3)
    assert writer.notes == []


@pytest.mark.parametrize("matrix", ["bt601", "bt709", None])
@pytest.mark.parametrize("full", [False, True])
def test_flat_colours_do_not_shift(tmp_path, matrix, full):
    for index, rgb in enumerate([(200, 60, 40), (30, 160, 90), (20, 30, 210), (128, 128, 128), (250, 240, 20)]):
        flat = yuv(rgb, matrix or "bt601", full)
        clip = make(tmp_path / f"in{index}.mp4", count=3, flat=flat, matrix=matrix, full=full)
        given, got, _ = convert(clip, tmp_path / f"out{index}.mp4")
        assert np.abs(given[1].image.astype(int) - got[1].image).max() <= 2
        assert np.abs(got[1].image.astype(int) - rgb).max() <= 3
        assert probe(tmp_path / f"out{index}.mp4").color == probe(clip).color


def test_shape_of_pixels_and_rotation(tmp_path):
    """Pictures in RGB, as they are shown, are written upright and in square pixels."""
    clip = make(tmp_path / "in.mp4", rotation=90, aspect=Fraction(4, 3), count=3)
    given, got, _ = convert(clip, tmp_path / "out.mp4")
    before, after = probe(clip), probe(tmp_path / "out.mp4")
    assert (after.rotation, after.pixel_aspect, after.file_size) == (0, 1, None)
    assert (after.width, after.height) == (before.width, before.height) == (HEIGHT, WIDTH * 4 // 3)
    assert np.abs(given[1].image.astype(int) - got[1].image).mean() < 4


def test_title_is_kept(tmp_path):
    convert(make(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["title"] == "made for a test"


def test_folder_of_png_is_lossless_and_replaces_the_old_one(tmp_path):
    clip = make(tmp_path / "in.mp4", count=5, sounds=[Sound()])
    target = tmp_path / "frames"
    target.mkdir()
    (target / "000099.png").write_bytes(b"from an earlier run")
    given, got, writer = convert(clip, target)
    assert sorted(file.name for file in target.iterdir()) == [f"{index:06d}.png" for index in range(5)]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(given, got, strict=True))
    assert len(writer.notes) == 2
    given, got, _ = convert(clip, tmp_path / "by.codec", EncodeSettings(codec="png"))
    assert np.array_equal(given[3].image, got[3].image)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_still(tmp_path, suffix):
    source = tmp_path / "in.png"
    cv2.imwrite(str(source), cv2.cvtColor(picture(6), cv2.COLOR_RGB2BGR))
    convert(source, tmp_path / f"out{suffix}")
    assert np.abs(read_still(tmp_path / f"out{suffix}").astype(int) - picture(6)).mean() < (
        4 if suffix == ".jpg" else 0.01
    )


@pytest.mark.parametrize("kind", ["gif", "sequence"])
def test_silent_sources_become_video(tmp_path, kind):
    if kind == "gif":
        source = make(tmp_path / "in.gif", codec="gif", pixel_format="rgb8", tick=Fraction(8, 100), count=6, options={})
    else:
        source = tmp_path / "shots"
        source.mkdir()
        for index in range(6):
            cv2.imwrite(str(source / f"{index:03d}.png"), cv2.cvtColor(picture(index), cv2.COLOR_RGB2BGR))
    given, got, writer = convert(source, tmp_path / "out.mp4")
    assert [number(frame.image) for frame in got] == list(range(6))
    assert [frame.time for frame in got] == [frame.time for frame in given]
    assert probe(tmp_path / "out.mp4").color.matrix_declared
    assert writer.notes == []


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    first=st.integers(0, 5000),
    steps=st.lists(st.integers(1, 4000), min_size=1, max_size=12),
    tick=st.sampled_from(
        [Fraction(1, 600), Fraction(1, 15360), Fraction(1, 90000), Fraction(1001, 60000), Fraction(1, 1000)]
    ),
)
def test_any_times_come_back_exactly(tmp_path, first, steps, tick):
    info = probe(_seed(tmp_path))
    info = replace(info, time_base=tick, rate=None)
    times = [ticks * tick for ticks in accumulate(steps, initial=first)]
    with VideoWriter(tmp_path / "out.mp4", info, FAST) as writer:
        for index, time in enumerate(times):
            writer.write(picture(index), time, None)
    with VideoReader(tmp_path / "out.mp4") as reader:
        frames = list(reader)
    assert [frame.time for frame in frames] == times
    assert [number(frame.image) for frame in frames] == list(range(len(times)))
    assert writer.notes == []


def _seed(folder):
    path = folder / "seed.mp4"
    return path if path.exists() else make(path, count=1)


def test_times_off_the_clock_are_rounded_and_said(tmp_path):
    info = replace(probe(make(tmp_path / "in.mp4")), time_base=Fraction(1, 25))
    with VideoWriter(tmp_path / "out.mp4", info, FAST) as writer:
        for time in (Fraction(0), Fraction(1, 25), Fraction(1, 24), Fraction(3, 25)):
            writer.write(picture(0), time)
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert [frame.time * 25 for frame in reader] == [0, 1, 2, 3]
    assert len(writer.notes) == 2


@pytest.mark.parametrize(
    ("name", "settings"),
    [("out.avi", FAST), ("out.txt", FAST), ("out.mp4", EncodeSettings(codec="png")), ("in.mp4", FAST)],
)
def test_contradictions_are_refused_before_work_begins(tmp_path, name, settings):
    clip = make(tmp_path / "in.mp4", count=1)
    before = clip.read_bytes()
    with pytest.raises(UsageError):
        VideoWriter(tmp_path / name, probe(clip), settings)
    assert clip.read_bytes() == before


@pytest.mark.parametrize(
    "wrong", [{"crf": 52}, {"crf": -1}, {"codec": "vp9"}, {"preset": "best"}, {"pixel_format": "rgb24"}, {"threads": 0}]
)
def test_settings_out_of_range(wrong):
    with pytest.raises(UsageError):
        EncodeSettings(**wrong)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((HEIGHT, WIDTH, 3), np.float32),
        np.zeros((HEIGHT, WIDTH), np.uint8),
        np.zeros((HEIGHT, WIDTH, 4), np.uint8),
        np.zeros((HEIGHT, WIDTH + 2, 3), np.uint8),
    ],
)
def test_wrong_pictures_are_refused(tmp_path, image):
    info = probe(make(tmp_path / "in.mp4", count=1))
    with pytest.raises(UsageError), VideoWriter(tmp_path / "out.mp4", info, FAST) as writer:
        writer.write(picture(0), Fraction(0))
        writer.write(image, Fraction(1, 25))
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]
