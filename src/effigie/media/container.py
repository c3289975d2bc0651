"""Opens media files of unknown origin: local files and known formats only, every failure one clear message.

Decodes their packets to frames: a damaged packet costs only its own frame.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from effigie.errors import MediaError
from effigie.media.nal_units import is_disposable

MAX_SIDE = 16384
"""Pixels; a larger side is a damaged header or an attack, and decoding it would take gigabytes."""

MAX_PICTURE_BYTES = 1 << 30  # bytes of a picture file

# A file may call itself .mp4 and be a playlist that names other files or hosts; such formats are not listed.
INPUT_FORMATS = "mov,matroska,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,gif,apng,mxf,dv,ivf,h264,hevc,rm,wtv,nut"
PICTURE_FORMATS = "png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe"


@contextlib.contextmanager
def open_container(path: Path, formats: str = INPUT_FORMATS) -> Iterator[InputContainer]:
    """Open the file as a PyAV container; every damage that the block meets becomes one MediaError."""
    with contextlib.closing(_open(path, formats)) as container:
        try:
            yield container
        except FFmpegError as error:
            raise _make_unreadable_error(path, error) from error


def _open(path: Path, formats: str) -> InputContainer:
    if path.is_dir():
        raise MediaError(f"{path} is a folder, not a clip: name a file in it, or a folder of numbered pictures")
    picture = formats == PICTURE_FORMATS
    try:
        if path.exists() and not path.is_file():
            raise MediaError(f"{path} is no ordinary file, but a pipe or a device: save the clip as a file first")
        if path.stat().st_size == 0:
            raise MediaError(f"{path} is empty: copy or record it again")
        if picture and path.stat().st_size > MAX_PICTURE_BYTES:
            raise MediaError(f"{path} is too large for a picture: check that it is one")
        # FFmpeg takes a picture's name for a pattern if there is a % in it, and so is not told the name.
        source = io.BytesIO(path.read_bytes()) if picture else f"file:{os.fspath(path.absolute())}"
        return av.open(
            source,
            mode="r",
            options={"format_whitelist": formats, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except FileNotFoundError:
        raise MediaError(f"{path} does not exist: check the name") from None
    except PermissionError:
        raise MediaError(f"no permission to read {path}: change its permissions or copy it elsewhere") from None
    except (FFmpegError, OSError) as error:
        raise _make_unreadable_error(path, error) from error


def _make_unreadable_error(path: Path, error: Exception) -> MediaError:
    return MediaError(
        f"{path} is not a clip that can be read ({describe_error(error)}): it is damaged, cut short, or no clip "
        "at all; see whether a player opens it, then copy or convert it again"
    )


def describe_error(error: Exception) -> str:
    """The message of FFmpeg or the system, without numbers and addresses."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words)[:1].lower() + str(words)[1:]


def select_video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Select the video stream to read: the largest that is neither a cover picture nor a still beside a sequence."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise MediaError(f"{path} holds no moving picture, only sound or data: choose a video")
    readable = [s for s in streams if s.codec_context is not None]
    if not readable:
        raise MediaError(f"{path} uses a video codec that cannot be decoded here: convert it to H.264 first")
    # An animated AVIF or HEIC shows its first frame as a picture too, beside the track that holds them all.
    tracks = [s for s in readable if not (s.frames == 1 and s.time_base == 1)]
    stream = max(tracks or readable, key=lambda s: s.width * s.height)
    check_picture_size(stream.width, stream.height, path)
    return stream


def check_picture_size(width: int, height: int, path: Path) -> None:
    """Raise if a picture is empty or larger than any camera makes."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise MediaError(
            f"{path} claims {width}x{height} pixels, and up to {MAX_SIDE} a side are read: "
            "it is damaged, or scale it down"
        )


@dataclass
class DamageCounter:
    """Counts packets that could not be decoded."""

    packets: int = 0


def decode_frames(
    container: InputContainer, stream: VideoStream, damage: DamageCounter, target: int | None = None
) -> Iterator[VideoFrame]:
    """Yield every frame from the container's position on, in presentation order.

    Args:
        target: ticks; frames that are shown before it may be missing: those that no other is made from are not decoded.

    Raises:
        OSError: the storage failed, which is not the file's fault.
    """
    packets, codec = container.demux(stream), stream.codec_context.codec.canonical_name
    extradata = stream.codec_context.extradata or b""
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except OSError:
            raise
        except FFmpegError:  # the container itself breaks off here: give what the decoder still holds
            damage.packets += 1
            try:
                yield from stream.decode(None)
            except FFmpegError:
                damage.packets += 1
            return
        is_hidden = target is not None and packet.pts is not None and packet.pts < target
        if is_hidden and is_disposable(codec, packet, extradata):
            continue
        try:
            frames = packet.decode()
        except OSError:
            raise
        except FFmpegError:
            damage.packets += 1
            continue
        yield from frames
