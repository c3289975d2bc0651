"""What kind of clip a path is: opened, and its first frame decoded, so that what is probed can be read."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream
from av.video.stream import VideoStream

from effigie.errors import MediaError
from effigie.media import images
from effigie.media.clip import Audio, ClipInfo, Kind
from effigie.media.color import described, for_rgb
from effigie.media.container import check_size, opened, picture_stream, reason
from effigie.media.decoder import Damage, decoded
from effigie.media.orientation import Orientation, orientation

ANIMATIONS = ("gif", "apng")
ARBITRARY_CLOCKS = ("mpeg", "mpegts")
FASTEST = 1000
"""Frames a second; a container that claims more is not believed."""


def probe(path: str | Path) -> ClipInfo:
    """Open a clip, a picture or a folder of numbered pictures and say what it is.

    Raises:
        MediaError: missing, empty, not media, without a decodable frame, or larger than 16384 pixels a side.
    """
    path = Path(path)
    if path.is_dir():
        return images.probe_sequence(path)
    if images.is_picture(path):
        return images.probe_still(path)
    with opened(path) as container:
        return describe(container, path)[0]


def describe(container: InputContainer, path: Path) -> tuple[ClipInfo, Orientation]:
    """The description of an open container and how to turn its frames; consumes its first packets."""
    stream = picture_stream(container, path)
    turn = _first_orientation(container, stream, path)
    context = stream.codec_context
    width, height = (stream.height, stream.width) if turn.transposes else (stream.width, stream.height)
    aspect = context.sample_aspect_ratio or Fraction(1)
    rate = _rate(stream)
    duration = _duration(container, stream)
    pixel_format = context.pix_fmt or "unknown"
    color = described(context)
    if context.format is not None and context.format.is_rgb:
        color = for_rgb(height)
    names = container.format.name.split(",")
    kind: Kind = "animation" if any(name in ANIMATIONS for name in names) else "video"
    info = ClipInfo(
        path=path,
        kind=kind,
        width=width,
        height=height,
        rotation=turn.rotation,
        rate=rate,
        frames=_count(container, stream, rate, duration, path),
        duration=duration,
        time_base=stream.time_base or Fraction(1, 1000),
        codec=context.codec.canonical_name,
        pixel_format=pixel_format,
        color=color,
        pixel_aspect=1 / aspect if turn.transposes else aspect,
        audio=tuple(_audio(container)),
        subtitles=len(container.streams.subtitles),
        clock_origin=_clock_origin(container) if names[0] in ARBITRARY_CLOCKS else Fraction(0),
    )
    return info, turn


def _first_orientation(container: InputContainer, stream: VideoStream, path: Path) -> Orientation:
    damage = Damage()
    try:
        for frame in decoded(container, stream, damage):
            check_size(frame.width, frame.height, path)
            return orientation(frame)
    except OSError as error:
        raise MediaError(
            f"reading {path} failed ({reason(error)}): check the disk or copy the file again"
        ) from error
    raise undecodable(path)


def undecodable(path: Path) -> MediaError:
    """The error of a file that opens but holds no picture that decodes."""
    return MediaError(
        f"no frame of {path} can be decoded: it is damaged or cut short; copy or record it again"
    )


def _audio(container: InputContainer) -> Iterator[Audio]:
    for stream in container.streams.audio:
        if stream.codec_context is None:
            yield Audio("unknown", 0, 0, stream.language, _start(stream))
        else:
            context = stream.codec_context
            codec = context.codec.canonical_name
            yield Audio(codec, context.sample_rate, context.channels, stream.language, _start(stream))


def _start(stream: Stream) -> Fraction | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return stream.start_time * stream.time_base


def _clock_origin(container: InputContainer) -> Fraction:
    streams = [*container.streams.video, *container.streams.audio]
    starts = [start for stream in streams if (start := _start(stream)) is not None]
    return min(starts, default=Fraction(0))


def _rate(stream: VideoStream) -> Fraction | None:
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= FASTEST:
            return Fraction(rate)
    return None


def _duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    return Fraction(container.duration, 1_000_000) if container.duration else None


def _count(
    container: InputContainer,
    stream: VideoStream,
    rate: Fraction | None,
    duration: Fraction | None,
    path: Path,
) -> int | None:
    if container.format.name.startswith("mov") and len(stream.index_entries) == stream.frames > 0:
        return sum(not entry.is_discard for entry in stream.index_entries)  # edit lists hide some samples
    if stream.frames and container.format.name not in ARBITRARY_CLOCKS:  # those count the probed frames only
        return stream.frames
    if rate and duration:
        return max(1, math.ceil(duration * rate))
    if container.format.name in ANIMATIONS:
        return _packets(path)
    return None


def _packets(path: Path) -> int:
    """How many packets of pictures there are, up to where the container breaks off."""
    count = 0
    with opened(path) as container, contextlib.suppress(FFmpegError):
        for packet in container.demux(picture_stream(container, path)):
            count += bool(packet.size)
    return count
