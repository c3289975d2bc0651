"""Sampling of a file's frames for the detector: few, from all over it, with their key-frame flags."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from effigie.media import ClipInfo, VideoReader
from effigie.media.container import DamageCounter, decode_frames, open_container, select_video_stream
from effigie.media.orientation import Orientation
from effigie.media.pictures.reader import is_picture
from effigie.media.probe import read_clip_info

MAX_FRAMES = 64
POSITION_COUNT = 8
SHORT_RUN = 6
"""Times as many frames as wanted may be decoded; of a longer clip only runs behind eight key frames are."""

Sample = tuple[NDArray[np.uint8], bool]


def sample_luma(path: Path, seconds: float, frames: int = MAX_FRAMES) -> Iterator[Sample]:
    """About ``frames`` frames, (H, W) luma or (H, W, 3) RGB, upright, each with whether it is a key frame.

    From all over a short clip; of a long one in runs behind eight key frames.
    """
    if path.is_dir() or is_picture(path):
        with VideoReader(path) as reader:
            step = math.ceil((reader.info.frames or 1) / frames)
            yield from ((frame.image, True) for frame in reader if frame.index % step == 0)
        return
    with open_container(path) as container:
        info, turn = read_clip_info(container, path)
    rate = float(info.rate or 25)
    count = info.frames or round(float(info.duration or 1) * rate)
    count = max(1, min(count, math.ceil(seconds * rate)))
    has_frames = False
    with open_container(path) as container:
        stream = select_video_stream(container, path)
        if count > SHORT_RUN * frames and info.kind == "video":
            for luma, key in _sample_positions(container, stream, count / rate, frames // POSITION_COUNT):
                has_frames = True
                yield _show(luma, info, turn), key
    if has_frames:
        return
    with open_container(path) as container:
        stream = select_video_stream(container, path)
        for luma, key in _sample_evenly(container, stream, count, frames):
            yield _show(luma, info, turn), key


def _sample_evenly(container: InputContainer, stream: VideoStream, count: int, frames: int) -> Iterator[Sample]:
    step = math.ceil(count / frames)
    for number, frame in enumerate(decode_frames(container, stream, DamageCounter())):
        if number >= count:
            return
        if number % step == 0 or frame.key_frame:
            yield _luma(frame), number == 0 or frame.key_frame


def _sample_positions(container: InputContainer, stream: VideoStream, length: float, run: int) -> Iterator[Sample]:
    """Runs of frames at eight places; none where the container cannot seek."""
    timestamps = set()
    for spot in range(POSITION_COUNT):
        try:
            ticks = int(length * (spot + 0.5) / POSITION_COUNT / (stream.time_base or 1))
            container.seek(ticks + (stream.start_time or 0), stream=stream, backward=True)
        except FFmpegError:
            continue
        for number, frame in enumerate(decode_frames(container, stream, DamageCounter())):
            if number == 0 and frame.pts in timestamps:
                break
            timestamps.add(frame.pts)
            yield _luma(frame), number == 0
            if number + 1 == run:
                break


def _luma(frame: VideoFrame) -> NDArray[np.uint8]:
    return np.asarray(frame.to_ndarray(format="gray"), np.uint8)


def _show(luma: NDArray[np.uint8], info: ClipInfo, turn: Orientation) -> NDArray[np.uint8]:
    """Luma as it is shown: upright, in square pixels."""
    if info.file_size is not None and luma.shape == info.file_size[::-1]:
        luma = cv2.resize(luma, turn.turn_size(info.width, info.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(turn.apply(luma), np.uint8)
