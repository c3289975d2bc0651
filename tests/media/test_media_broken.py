"""Tests of broken, missing and hostile input: one clear line; an interrupted output leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from benchmarks.mutations import mutate
from media_clips import Sound, make, number, picture

from effigie.errors import EffigieError, MediaError
from effigie.media import EncodeSettings, VideoReader, VideoWriter, expand_paths, probe, read_still

FAST = EncodeSettings(preset="ultrafast", threads=1)


def whole(path):
    with VideoReader(path) as reader:
        return list(reader), reader


def refused(path, read=probe):
    with pytest.raises(MediaError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".png", ".mpg", ".webp"])
@pytest.mark.parametrize(
    "content",
    [b"", b"just some words, no picture\n" * 50, random.Random(0).randbytes(5000), b"\0" * 5000],
    ids=["empty", "text", "noise", "zeros"],
)
def test_no_media(tmp_path, suffix, content):
    path = tmp_path / f"clip{suffix}"
    path.write_bytes(content)
    refused(path)
    refused(path, whole)
    refused(path, read_still)


def test_missing_and_unreadable(tmp_path):
    assert "does not exist" in refused(tmp_path / "missing.mp4")
    assert "does not exist" in refused(tmp_path / "missing.png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("no picture")
    assert "numbered pictures" in refused(tmp_path / "folder")


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile {clip}\n",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\n{clip}\n#EXT-X-ENDLIST\n",
    ],
)
def test_playlists_do_not_reach_other_files(tmp_path, playlist):
    clip = make(tmp_path / "secret.mp4", count=2)
    for name in ("list.mp4", "list.m3u8"):
        (tmp_path / name).write_text(playlist.format(clip=clip.name))
        refused(tmp_path / name)


def test_only_sound(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        frame.sample_rate = 44100
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert "only sound" in refused(path)


def test_giant_sides_are_refused(tmp_path):
    picture_path = tmp_path / "bomb.png"
    assert cv2.imwrite(str(picture_path), np.zeros((4, 20000, 3), np.uint8))
    assert "20000x4" in refused(picture_path)
    assert "20000x4" in refused(picture_path, read_still)
    clip = make(tmp_path / "bomb.mkv", codec="ffv1", size=(16400, 16), count=1, options={})
    assert "16400x16" in refused(clip)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mpg", ".gif"])
def test_cut_short(tmp_path, suffix):
    """What is whole is read; what holds no whole frame is refused."""
    codec = {".mpg": "mpeg1video", ".gif": "gif"}.get(suffix, "libx264")
    options = {"b": "2M"} if suffix == ".mpg" else {} if suffix == ".gif" else {"g": "6"}
    pixel_format = "rgb8" if suffix == ".gif" else "yuv420p"
    clip = make(tmp_path / f"in{suffix}", codec=codec, options=options, pixel_format=pixel_format, count=40)
    data = clip.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(data[: len(data) * 6 // 10])
    if suffix == ".mp4":  # its index stands at the end and is gone
        refused(cut)
    else:
        frames, _ = whole(cut)
        assert 5 < len(frames) < 40
        assert [number(frame.image) for frame in frames[:5]] == list(range(5))
    cut.write_bytes(data[:60])
    refused(cut)


def test_cut_short_after_its_index(tmp_path):
    clip = make(tmp_path / "in.mp4", count=40, options={"g": "6", "bf": "2"})
    info = probe(clip)
    with VideoReader(clip) as reader, VideoWriter(tmp_path / "fast.mp4", info, FAST) as writer:
        for frame in reader:
            writer.write(frame.image, frame.time)
    data = (tmp_path / "fast.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 7 // 10])
    frames, reader = whole(cut)
    assert 5 < len(frames) < 40
    assert [number(frame.image) for frame in frames] == list(range(len(frames)))
    cut.write_bytes(data[: data.index(b"mdat") + 8])
    assert "no frame" in refused(cut)


def test_damage_in_the_middle_costs_only_its_frames(tmp_path):
    clip = make(tmp_path / "in.mp4", codec="mjpeg", pixel_format="yuvj420p", options={}, count=12)
    with av.open(str(clip)) as container:
        spots = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(clip.read_bytes())
    for at, size in spots[4:6]:
        data[at : at + size] = bytes(size)
    clip.write_bytes(data)
    frames, reader = whole(clip)
    assert [number(frame.image) for frame in frames] == [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]
    assert [frame.time * 25 for frame in frames] == [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]
    assert reader.damaged_packets == 2
    assert len(reader.notes) == 1
    for at, size in spots:
        data[at : at + size] = bytes(size)
    clip.write_bytes(data)
    assert "no frame" in refused(clip)


def test_damaged_picture_in_a_sequence(tmp_path):
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"{index}.png"), picture(index, 64, 64 if index != 2 else 32))
    assert "one size" in refused(tmp_path, whole).replace(str(tmp_path / "2.png"), str(tmp_path))
    (tmp_path / "2.png").write_bytes((tmp_path / "1.png").read_bytes()[:-200] + bytes(200))
    data = (tmp_path / "1.png").read_bytes()
    (tmp_path / "2.png").write_bytes(data[:30])
    with pytest.raises(MediaError, match=r"2\.png"):
        whole(tmp_path)


class Stop(Exception):
    pass


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv", "frames", "out.png"])
@pytest.mark.parametrize("how", ["exception", "interrupt", "before the first frame"])
def test_breaking_off_leaves_nothing_and_keeps_the_old(tmp_path, target, how):
    clip = make(tmp_path / "in.mp4", sounds=[Sound()])
    kept = tmp_path / "old.mp4"
    kept.write_bytes(b"an earlier result")
    old_handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for name in (target, "old.mp4"):
            with (
                pytest.raises((Stop, KeyboardInterrupt)),
                VideoReader(clip) as reader,
                VideoWriter(tmp_path / name, reader.info, FAST) as writer,
            ):
                for frame in reader:
                    if how == "before the first frame":
                        raise Stop
                    writer.write(frame.image, frame.time)
                    if frame.index == (0 if name == "out.png" else 9):
                        if how == "exception":
                            raise Stop
                        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, old_handler)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.mp4", "old.mp4"]
    assert kept.read_bytes() == b"an earlier result"


def test_no_frame_written_is_an_error(tmp_path):
    info = probe(make(tmp_path / "in.mp4", count=1))
    for name in ("out.mp4", "frames", "out.png"):
        with pytest.raises(MediaError, match="no frame"), VideoWriter(tmp_path / name, info, FAST):
            pass
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]


def test_a_still_holds_one_frame(tmp_path):
    info = probe(make(tmp_path / "in.mp4", count=1))
    with pytest.raises(MediaError, match="one picture"), VideoWriter(tmp_path / "out.png", info) as writer:
        writer.write(picture(0), Fraction(0))
        writer.write(picture(1), Fraction(1))
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv", "frames"])
def test_a_write_that_the_system_refuses(tmp_path, target):
    """A limit on file size stands in for the full disk: the same calls fail in the same places."""
    info = probe(make(tmp_path / "in.mp4", count=1))
    noise = np.random.default_rng(0).integers(0, 256, (8, 256, 256, 3), dtype=np.uint8)
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
    try:
        with pytest.raises(EffigieError) as caught, VideoWriter(tmp_path / target, info, FAST) as writer:
            for index in range(40):
                writer.write(noise[index % 8], Fraction(index, 25))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(tmp_path / target) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]


def test_a_container_that_breaks_off_while_it_is_counted(tmp_path):
    """An animated PNG with bits turned over: FFmpeg gives up in its middle, what is before it is read."""
    clip = tmp_path / "in.png"
    with av.open(str(clip), "w", format="apng") as output:
        stream = output.add_stream("apng", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "rgb24"
        for index in range(6):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        output.mux(stream.encode(None))
    data = clip.read_bytes()
    gave_up = 0
    for seed in range(24):
        clip.write_bytes(mutate(data, "flips", seed))
        with contextlib.suppress(MediaError):
            frames, reader = whole(clip)
            gave_up += reader.info.frames < 6
            assert len(frames) >= 1
    assert gave_up


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["pipe.mp4", "pipe.png", "pipe.heic", "pipe"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(MediaError, match="no ordinary file"):
        probe(tmp_path / name)
    with pytest.raises(MediaError, match="no ordinary file"):
        read_still(tmp_path / name)
    with pytest.raises(MediaError):
        expand_paths([tmp_path])
