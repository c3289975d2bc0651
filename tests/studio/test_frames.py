"""Tests of frames by number: always the one that was asked for, of every kind of clip."""

from __future__ import annotations

import json
import random
import struct

import cv2
import numpy as np
import pytest
from running_studio import RunningStudio
from studio_clips import read_number, write_clip

from effigie.errors import MediaError
from effigie.media import VideoReader
from effigie.media.seeking import PacketIndex
from effigie.studio.views.frames import FrameSources

FRAMES = 300
UNEVEN = np.cumsum(np.random.default_rng(3).integers(10, 90, FRAMES)).tolist()
LONG = {"crf": "23", "preset": "ultrafast", "g": "1000", "bf": "3"}
CASES = {
    "one group of pictures": (".mp4", "libx264", LONG, None),
    "B-frames, short groups": (".mkv", "libx264", {"crf": "23", "preset": "veryfast", "g": "12", "bf": "3"}, None),
    "variable rate": (".mp4", "libx264", {"crf": "23", "preset": "ultrafast", "g": "50"}, UNEVEN),
    "no index": (".ts", "libx264", {"crf": "23", "preset": "ultrafast", "g": "50"}, None),
    "MJPEG": (".mov", "mjpeg", {}, None),
}


def decode(jpeg: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("name", CASES)
def test_two_hundred_seeks_show_the_frame_asked_for(tmp_path, name: str) -> None:
    suffix, codec, options, ticks = CASES[name]
    clip = write_clip(tmp_path / f"clip{suffix}", FRAMES, codec, options, ticks)
    sources, chance = FrameSources(limit=40 * 192 * 96 * 3), random.Random(name)
    for _ in range(200):
        number = chance.randrange(FRAMES)
        picture = sources.picture(clip, number)
        assert (picture.number, read_number(decode(picture.jpeg))) == (number, number)
        for following in range(number + 1, min(number + 3, FRAMES)):
            assert read_number(sources.frame(clip, following).image) == following
    assert sources.describe(clip)["frames"] == FRAMES


def test_memory_is_bounded_and_a_kept_frame_is_not_read_again(tmp_path, monkeypatch) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 60)
    sources = FrameSources(limit=10 * 192 * 96 * 3)
    for number in range(60):
        sources.frame(clip, number)
    assert len(sources._frames) == 10
    assert sources._bytes <= 10 * 192 * 96 * 3
    monkeypatch.setattr(VideoReader, "__iter__", lambda self: iter(()))
    assert read_number(sources.frame(clip, 55).image) == 55


def test_the_packets_are_listed_once(tmp_path, monkeypatch) -> None:
    clip, listed = write_clip(tmp_path / "clip.mp4", 100, options={"g": "10"}), []
    read = PacketIndex.read.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(PacketIndex, "read", classmethod(lambda cls, path: listed.append(path) or read(cls, path)))
    sources = FrameSources()
    for number in (90, 5, 70, 20):
        assert read_number(sources.frame(clip, number).image) == number
    assert listed == [clip]


def test_wide_pictures_are_scaled_down(tmp_path) -> None:
    picture = FrameSources().picture(write_clip(tmp_path / "clip.mp4", 3), 2, width=96)
    assert (picture.width, picture.height) == (96, 48)
    assert decode(picture.jpeg).shape == (48, 96, 3)


def test_frames_past_the_end_are_no_frames(tmp_path) -> None:
    clip, sources = write_clip(tmp_path / "clip.mp4", 20), FrameSources()
    with pytest.raises(MediaError, match="no frame 20"):
        sources.frame(clip, 20)
    assert read_number(sources.frame(clip, 19).image) == 19


def test_a_clip_that_was_replaced_is_read_anew_and_one_that_vanished_is_said(tmp_path) -> None:
    clip, sources = write_clip(tmp_path / "clip.mp4", 20), FrameSources()
    assert sources.describe(clip)["frames"] == 20
    write_clip(clip, 31)
    assert sources.describe(clip)["frames"] == 31
    clip.unlink()
    with pytest.raises(MediaError, match="is gone"):
        sources.frame(clip, 3)


def receive_frame(live) -> tuple[dict, list[np.ndarray]]:
    while isinstance(message := live.recv(timeout=60), str):
        assert json.loads(message)["kind"] == "jobs", message
    (length,) = struct.unpack_from("<I", message)
    head, offset, images = json.loads(message[4 : 4 + length]), 4 + length, []
    for size in head["sizes"]:
        images.append(decode(message[offset : offset + size]))
        offset += size
    assert offset == len(message)
    return head, images


def test_the_socket_answers_with_the_same_frame_of_both_clips(studio: RunningStudio, tmp_path) -> None:
    before = studio.upload("before.mp4", write_clip(tmp_path / "a.mp4", 40).read_bytes())
    after = studio.upload("after.mp4", write_clip(tmp_path / "b.mp4", 40, options={"g": "4", "bf": "0"}).read_bytes())
    with studio.connect() as live:
        for n in (0, 33, 7, 8, 39):
            live.send(json.dumps({"seq": n, "n": n, "width": 640, "clips": [before, after]}))
            head, images = receive_frame(live)
            assert (head["seq"], head["n"]) == (n, n)
            assert [read_number(image) for image in images] == [n, n]


def test_the_newest_wish_wins(studio: RunningStudio, tmp_path) -> None:
    clip = studio.upload("long.mp4", write_clip(tmp_path / "long.mp4", 250, options=LONG).read_bytes())
    with studio.connect() as live:
        for n in range(250):
            live.send(json.dumps({"seq": n, "n": 249 - n, "width": 640, "clips": [clip]}))
        seen = [receive_frame(live)]
        while seen[-1][0]["seq"] != 249:
            seen.append(receive_frame(live))
        assert all(read_number(images[0]) == head["n"] for head, images in seen)
        assert len(seen) < 250
        assert [head["seq"] for head, _ in seen] == sorted(head["seq"] for head, _ in seen)
