"""Samples frames of a clip quickly, where exact indices do not matter."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from effigie.media import ClipInfo, FootageSettings, Frame, VideoReader, probe
from effigie.media.container import (
    DamageCounter,
    check_picture_size,
    decode_frames,
    open_container,
    select_video_stream,
)
from effigie.media.probe import count_packets, read_clip_info
from effigie.media.samples.color import to_rgb
from effigie.progress import CancelToken

# Frames decoded at most from a key frame towards the wanted moment: key frames may be ten seconds apart.
MAX_FRAMES_AFTER_SEEK = 24
SEEK_THRESHOLD = 60  # frames up to which decoding on is cheaper than seeking, which may land far before


@dataclass(frozen=True)
class FrameSampling:
    """Which frames of a clip are sampled."""

    positions: int = 16  # moments spread evenly over the clip
    frames_per_position: int = 1
    step_s: float = 0.25  # seconds between the frames of one position


def sample_frames(
    path: Path, sampling: FrameSampling, cancel: CancelToken | None = None, footage: FootageSettings | None = None
) -> Iterator[Frame]:
    """Yield frames spread over a clip, in order of time; ``index`` counts them. A short clip gives what it has."""
    cancel = cancel or CancelToken()
    info = probe(path)
    if info.kind == "video" and info.duration:
        frames = _sample_positions(info, sampling)
    else:
        count = info.frames or count_packets(path) or 1
        frames = _sample_evenly(path, footage, count, sampling.positions * sampling.frames_per_position)
    has_frames = False
    for index, frame in enumerate(frames):
        cancel.check()
        has_frames = True
        yield Frame(frame.image, index, frame.time, frame.duration)
    if not has_frames:
        with VideoReader(path, footage=footage) as reader:
            yield next(iter(reader))


def _sample_evenly(path: Path, footage: FootageSettings | None, count: int, samples: int) -> Iterator[Frame]:
    indices = {int((k + 0.5) * count / samples) for k in range(samples)}
    with VideoReader(path, stop=max(indices) + 1, footage=footage) as reader:
        for frame in reader:
            if frame.index in indices:
                yield frame


def _sample_positions(info: ClipInfo, sampling: FrameSampling) -> Iterator[Frame]:
    with open_container(info.path) as container:
        _, orientation = read_clip_info(container, info.path)
    with open_container(info.path) as container:
        stream = select_video_stream(container, info.path)
        reformatter = VideoReformatter()
        stored = orientation.turn_size(info.width, info.height)
        for pts, frame in _decode_positions(container, stream, info, sampling):
            check_picture_size(frame.width, frame.height, info.path)
            image = orientation.apply(to_rgb(frame, info.color, stored, reformatter))
            yield Frame(image, 0, pts * info.time_base, None)


def _decode_positions(
    container: InputContainer, stream: VideoStream, info: ClipInfo, sampling: FrameSampling
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield time in ticks and frame, at the sampled times or as close before them as is cheap to reach."""
    start, length = stream.start_time or 0, int((info.duration or 0) / info.time_base)
    step = round(sampling.step_s / info.time_base)
    threshold = round(SEEK_THRESHOLD / (info.rate or 25) / info.time_base)
    frames, last_time = decode_frames(container, stream, DamageCounter()), start - 1
    for position in range(sampling.positions):
        target_time = start + (2 * position + 1) * length // (2 * sampling.positions)
        limit = SEEK_THRESHOLD
        if target_time - last_time > threshold:
            with contextlib.suppress(FFmpegError):
                container.seek(target_time, stream=stream, backward=True)
            frames, limit = decode_frames(container, stream, DamageCounter()), MAX_FRAMES_AFTER_SEEK
        decoded_count = taken_count = 0
        for frame in frames:
            if frame.pts is None or frame.pts <= last_time:
                continue
            decoded_count += 1
            if frame.pts >= target_time or (not taken_count and decoded_count > limit):
                yield frame.pts, frame
                taken_count += 1
                last_time, target_time = frame.pts, frame.pts + step
                if taken_count == sampling.frames_per_position:
                    break
