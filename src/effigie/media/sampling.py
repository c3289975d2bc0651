"""Some frames of a file, quickly: for judging what it shows, where exact indices do not matter."""

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

from effigie.media import ClipInfo, Frame, Reader, probe
from effigie.media.color import to_rgb
from effigie.media.container import check_size, opened, picture_stream
from effigie.media.decoder import Damage, decoded
from effigie.media.probe import describe
from effigie.progress import Cancel

AHEAD = 24
"""Frames decoded at most from a key frame towards the wanted moment: key frames may be ten seconds apart."""

NEAR = 60
"""Frames to a wanted moment up to which decoding on is cheaper than seeking, which may land far before."""


@dataclass(frozen=True)
class Sampling:
    """Which frames of a clip are looked at.

    Attributes:
        places: moments spread evenly over the clip.
        each: frames taken at every one of them.
        step_s: seconds between the frames of one place.
    """

    places: int = 16
    each: int = 1
    step_s: float = 0.25


def frames_of(path: Path, sampling: Sampling, cancel: Cancel | None = None) -> Iterator[Frame]:
    """Frames spread over a clip, in order of time; ``index`` counts them. A still or a short clip gives what it has.

    Raises:
        MediaError: nothing of it can be decoded.
        Cancelled: asked to stop.
    """
    cancel = cancel or Cancel()
    info = probe(path)
    if info.kind == "video" and info.duration:
        frames = _places(info, sampling)
    else:
        frames = _spread(path, info.frames or _packets(path), sampling.places * sampling.each)
    found = False
    for index, frame in enumerate(frames):
        cancel.check()
        found = True
        yield Frame(frame.image, index, frame.time, frame.duration)
    if not found:
        with Reader(path) as reader:
            yield next(iter(reader))


def _packets(path: Path) -> int:
    with opened(path) as container, contextlib.suppress(FFmpegError):
        return sum(packet.size > 0 for packet in container.demux(picture_stream(container, path))) or 1
    return 1


def _spread(path: Path, count: int, wanted: int) -> Iterator[Frame]:
    chosen = {int((k + 0.5) * count / wanted) for k in range(wanted)}
    with Reader(path, stop=max(chosen) + 1) as reader:
        for frame in reader:
            if frame.index in chosen:
                yield frame


def _places(info: ClipInfo, sampling: Sampling) -> Iterator[Frame]:
    with opened(info.path) as container:
        _, turn = describe(container, info.path)
    with opened(info.path) as container:
        stream = picture_stream(container, info.path)
        reformatter = VideoReformatter()
        stored = (info.height, info.width) if turn.transposes else (info.width, info.height)
        for pts, frame in _chosen(container, stream, info, sampling):
            check_size(frame.width, frame.height, info.path)
            image = turn.upright(to_rgb(frame, info.color, stored, reformatter))
            yield Frame(image, 0, pts * info.time_base, None)


def _chosen(
    container: InputContainer, stream: VideoStream, info: ClipInfo, sampling: Sampling
) -> Iterator[tuple[int, VideoFrame]]:
    """Time in ticks and picture; at the wanted moments, or as near before them as is cheap to reach."""
    start, length = stream.start_time or 0, int((info.duration or 0) / info.time_base)
    step = round(sampling.step_s / info.time_base)
    near = round(NEAR / (info.rate or 25) / info.time_base)
    timed, reached = decoded(container, stream, Damage()), start - 1
    for place in range(sampling.places):
        wanted = start + (2 * place + 1) * length // (2 * sampling.places)
        limit = NEAR
        if wanted - reached > near:
            with contextlib.suppress(FFmpegError):
                container.seek(wanted, stream=stream, backward=True)
            timed, limit = decoded(container, stream, Damage()), AHEAD
        passed = taken = 0
        for frame in timed:
            if frame.pts is None or frame.pts <= reached:
                continue
            passed += 1
            if frame.pts >= wanted or (not taken and passed > limit):
                yield frame.pts, frame
                taken += 1
                reached, wanted = frame.pts, frame.pts + step
                if taken == sampling.each:
                    break
