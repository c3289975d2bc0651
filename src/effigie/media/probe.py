"""Probes clips: opens a path and decodes its first frame, so that what is probed can be read."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from effigie.errors import MediaError
from effigie.media import defaults
from effigie.media.clip import AudioInfo, ClipInfo, ClipKind
from effigie.media.config import FootageSettings
from effigie.media.container import (
    MAX_SIDE,
    DamageCounter,
    check_picture_size,
    decode_frames,
    describe_error,
    open_container,
    select_video_stream,
)
from effigie.media.fields import CODES, SD_LINES, FieldOrder, find_unflagged_order
from effigie.media.orientation import Orientation, read_orientation
from effigie.media.output.stream_plan import count_subtitles
from effigie.media.pictures.reader import is_picture, probe_sequence, probe_still
from effigie.media.pictures.sequence import is_sequence_name
from effigie.media.pictures.signature import read_kind
from effigie.media.pixel_shape import compute_square_size
from effigie.media.samples.chroma import measure_location
from effigie.media.samples.color import choose_rgb_color, read_color
from effigie.media.timecode import read_timecode

ANIMATIONS = ("gif", "apng")
ARBITRARY_CLOCKS = ("mpeg", "mpegts")
FIELD_FRAMES = 4  # of a clip that may be interlaced without saying so, looked at for lines that alternate


def probe(path: str | Path, footage: FootageSettings | None = None) -> ClipInfo:
    """Describe a clip, a picture, a folder of numbered pictures or a pattern of them (``shot.####.exr``).

    Args:
        footage: what a sequence of pictures does not say itself.

    Raises:
        MediaError: missing, empty, not media, without a decodable frame, or larger than 16384 pixels a side.
        UsageError: an EXR picture, and the package that reads it is missing.
    """
    path = Path(path)
    if path.is_dir() or is_sequence_name(path):
        return probe_sequence(path, footage)
    if is_picture(path):
        return probe_still(path, footage)
    with open_container(path) as container:
        return note_own_rate(read_clip_info(container, path)[0], footage)


def note_own_rate(info: ClipInfo, footage: FootageSettings | None) -> ClipInfo:
    """The description of a video; with a note where a frame rate was given that is its own to say."""
    if footage is None or footage.sequence_rate is None:
        return info
    note = f"--sequence-rate {footage.sequence_rate} is for sequences of pictures: {info.path.name} keeps its own times"
    return replace(info, notes=(*info.notes, note))


def read_clip_info(container: InputContainer, path: Path) -> tuple[ClipInfo, Orientation]:
    """Read the description and orientation of an open container; consumes its first packets."""
    stream = select_video_stream(container, path)
    first = _decode_first(container, stream, path)
    orientation = read_orientation(first)
    context = stream.codec_context
    # The container's aspect comes first, as in players: a remux corrects it there alone.
    aspect = defaults.choose_pixel_aspect(stream.sample_aspect_ratio, context.sample_aspect_ratio)
    size = compute_square_size(stream.width, stream.height, aspect, MAX_SIDE)
    width, height = orientation.turn_size(*size)
    rate = defaults.choose_rate(stream.average_rate, stream.guessed_rate)
    timecode, reel = read_timecode(container)
    duration = _read_duration(container, stream)
    is_rgb = context.format is not None and context.format.is_rgb
    names = container.format.name.split(",")
    animated = any(name in ANIMATIONS for name in names) or read_kind(path) == "track"
    kind: ClipKind = "animation" if animated else "video"
    info = ClipInfo(
        path=path,
        kind=kind,
        width=width,
        height=height,
        rotation=orientation.rotation,
        rate=rate,
        frames=_estimate_frame_count(container, stream, rate, duration, path),
        duration=duration,
        time_base=stream.time_base or Fraction(1, 1000),
        codec=context.codec.canonical_name,
        pixel_format=context.pix_fmt or "unknown",
        color=choose_rgb_color(height) if is_rgb else read_color(context),
        chroma_location=measure_location(first),
        field_order=_read_field_order(container, stream, path) if kind == "video" else "progressive",
        pixel_aspect=1 / aspect if orientation.is_transposed else aspect,
        file_size=None if size == (stream.width, stream.height) else (stream.width, stream.height),
        audio=tuple(_read_audio(container)),
        subtitles=count_subtitles(container),
        clock_origin=_read_clock_origin(container) if names[0] in ARBITRARY_CLOCKS else Fraction(0),
        timecode=timecode,
        reel=reel,
        chapters=len(container.chapters()),
    )
    return info, orientation


def _decode_first(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    try:
        for frame in decode_frames(container, stream, DamageCounter()):
            check_picture_size(frame.width, frame.height, path)
            return frame
    except OSError as error:
        raise make_storage_error(path, error) from error
    raise make_undecodable_error(path)


def _read_field_order(container: InputContainer, stream: VideoStream, path: Path) -> FieldOrder:
    """The field order that a stream declares; of standard definition without one, by the look of its first frames."""
    declared = CODES.get(int(stream.codec_context.field_order), "progressive")
    if declared != "progressive" or stream.height not in SD_LINES:
        return declared
    try:
        frames = list(itertools.islice(decode_frames(container, stream, DamageCounter()), FIELD_FRAMES))
    except OSError as error:
        raise make_storage_error(path, error) from error
    return find_unflagged_order(frames, stream.height)


def make_storage_error(path: Path, error: OSError) -> MediaError:
    """Make the error of storage that fails while a clip is read."""
    return MediaError(f"reading {path} failed ({describe_error(error)}): check the disk or copy the file again")


def make_undecodable_error(path: Path) -> MediaError:
    """Make the error of a file that opens but holds no frame that decodes."""
    return MediaError(f"no frame of {path} can be decoded: it is damaged or cut short; copy or record it again")


def _read_audio(container: InputContainer) -> Iterator[AudioInfo]:
    for stream in container.streams.audio:
        context = stream.codec_context
        if context is None:
            yield AudioInfo("unknown", 0, 0, stream.language, _read_start(stream))
            continue
        layout = None
        with contextlib.suppress(ValueError):
            layout = defaults.choose_layout(context.layout.name, context.channels)
        yield AudioInfo(
            context.codec.canonical_name,
            defaults.choose_sample_rate(context.sample_rate),
            context.channels,
            stream.language,
            _read_start(stream),
            layout,
        )


def _read_start(stream: Stream) -> Fraction | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return stream.start_time * stream.time_base


def _read_clock_origin(container: InputContainer) -> Fraction:
    streams = [*container.streams.video, *container.streams.audio]
    starts = [start for stream in streams if (start := _read_start(stream)) is not None]
    return min(starts, default=Fraction(0))


def _read_duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    return Fraction(container.duration, 1_000_000) if container.duration else None


def _estimate_frame_count(
    container: InputContainer, stream: VideoStream, rate: Fraction | None, duration: Fraction | None, path: Path
) -> int | None:
    if container.format.name.startswith("mov") and len(stream.index_entries) == stream.frames > 0:
        return sum(not entry.is_discard for entry in stream.index_entries)  # edit lists hide some samples
    if stream.frames and container.format.name not in ARBITRARY_CLOCKS:  # those count the probed frames only
        return stream.frames
    if rate and duration:
        return max(1, math.ceil(duration * rate))
    if container.format.name in ANIMATIONS:
        return count_packets(path)
    return None


def count_packets(path: Path) -> int:
    """Count the video packets, up to where the container breaks off."""
    count = 0
    with open_container(path) as container, contextlib.suppress(FFmpegError):
        for packet in container.demux(select_video_stream(container, path)):
            count += bool(packet.size)
    return count
