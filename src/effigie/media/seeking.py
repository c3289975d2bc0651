"""Frame-exact seeking: entry points from which frame k decodes as if everything before it had been decoded.

A pass over the packets alone, without decoding, lists every presentation time. Entering is allowed only where
the codec's rules prove that nothing before the entry matters; anywhere else the reader decodes and discards.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from effigie.media.container import open_container, select_video_stream
from effigie.media.nal_units import is_random_access

# Those that know a time for every frame; a program stream's seek lands somewhere near.
INDEXED_CONTAINERS = ("mov", "matroska")
INTRA_CODECS = {"mjpeg", "prores", "png", "dnxhd", "rawvideo", "huffyuv", "ffvhuff", "utvideo", "v210"}
KEYFRAME_RESET_CODECS = {"vp8", "vp9", "mpeg4"}  # their key frames drop every reference: a clean entry
SUPPORTED_CODECS = {"h264", "hevc"} | INTRA_CODECS | KEYFRAME_RESET_CODECS


@dataclass(frozen=True)
class EntryPoint:
    """Seek to ``position``, decode from the packet with ``pts``, and yield from ``target`` on."""

    position: int  # ticks, as the container's index goes: presentation times in Matroska, else decoding times
    pts: int
    target: int  # presentation time of the wanted frame, in ticks


@dataclass(frozen=True)
class PacketIndex:
    """Presentation times of a clip's packets and its clean entries; empty where none can be proven.

    Listing the packets takes longer the longer the clip is: whoever seeks often keeps the index.
    """

    times: np.ndarray  # (N,) ticks, of every packet in decoding order
    visible: np.ndarray  # (M,) ticks, rising, of those that an edit list does not hide
    entry_points: tuple[tuple[int, int, int], ...]  # clean ones: rank in decoding order, position, pts

    @classmethod
    def read(cls, path: Path) -> PacketIndex:
        """List the packets of a clip, without decoding."""
        nothing = cls(np.empty(0, np.int64), np.empty(0, np.int64), ())
        with open_container(path) as container:
            stream = select_video_stream(container, path)
            is_indexed = container.format.name.split(",")[0] in INDEXED_CONTAINERS
            if not is_indexed or stream.codec_context.codec.canonical_name not in SUPPORTED_CODECS:
                return nothing
            try:
                return _list_packets(container, stream) or nothing
            except FFmpegError:
                return nothing

    def find_entry_point(self, start: int) -> EntryPoint | None:
        """Find the latest provably exact entry point for frame ``start``; None if decoding must begin at the start."""
        if start >= len(self.visible):
            return None
        target = int(self.visible[start])
        latest_times = np.maximum.accumulate(self.times)
        for rank, position, pts in reversed(self.entry_points[1:]):
            if pts <= target and latest_times[rank - 1] < target:
                return EntryPoint(position, pts, target)
        return None


def find_entry_point(path: Path, start: int) -> EntryPoint | None:
    """As :meth:`PacketIndex.find_entry_point`, for a clip that is entered once."""
    return PacketIndex.read(path).find_entry_point(start)


def seek(container: InputContainer, stream: VideoStream, entry_point: EntryPoint) -> bool:
    """Seek to an entry point; False if the container landed elsewhere (it must then be opened again)."""
    # Where pictures are shown in another order, MP4's index lies between decoding and presentation times: by the
    # decoding time a seek lands a key frame too early.
    for position in dict.fromkeys((entry_point.pts, entry_point.position)):
        try:
            container.seek(position, stream=stream, backward=True)
            packet = next(container.demux(stream))
            if packet.is_keyframe and packet.pts == entry_point.pts:
                container.seek(position, stream=stream, backward=True)
                return True
        except (FFmpegError, StopIteration):
            continue
    return False


def _list_packets(container: InputContainer, stream: VideoStream) -> PacketIndex | None:
    times: list[int] = []
    visible: list[int] = []
    entry_points: list[tuple[int, int, int]] = []
    codec = stream.codec_context.codec.canonical_name
    has_presentation_order = container.format.name.startswith("matroska")
    extradata = stream.codec_context.extradata or b""
    for packet in container.demux(stream):
        if not packet.size:
            continue
        position = packet.pts if has_presentation_order else packet.dts
        if packet.pts is None or position is None or packet.is_corrupt:
            return None
        if packet.is_keyframe and is_random_access(codec, packet, extradata):
            entry_points.append((len(times), position, packet.pts))
        times.append(packet.pts)
        if not packet.is_discard:
            visible.append(packet.pts)
    if len(set(times)) != len(times):
        return None
    # Frames before the first clean entry may or may not come out: counting packets would not count frames.
    if not entry_points or entry_points[0][0] != 0 or times[0] != min(times):
        return None
    return PacketIndex(np.array(times, np.int64), np.sort(np.array(visible, np.int64)), tuple(entry_points))
