"""Decodes packets to frames; a damaged packet costs only its own frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


@dataclass
class DamageCounter:
    """Counts packets that could not be decoded."""

    packets: int = 0


def decode_frames(
    container: InputContainer, stream: VideoStream, damage: DamageCounter
) -> Iterator[VideoFrame]:
    """Yield every frame from the container's position on, in presentation order.

    Raises:
        OSError: the storage failed, which is not the file's fault.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except OSError:
            raise
        except FFmpegError:  # the container itself breaks off here: give what the decoder still holds
            damage.packets += 1
            yield from _flush_decoder(stream, damage)
            return
        try:
            frames = packet.decode()
        except OSError:
            raise
        except FFmpegError:
            damage.packets += 1
            continue
        yield from frames


def _flush_decoder(stream: VideoStream, damage: DamageCounter) -> list[VideoFrame]:
    try:
        return stream.decode(None)
    except FFmpegError:
        damage.packets += 1
        return []
