"""Frames of clips by number, at once: always the frame that was asked for, with the packet index and pictures kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effigie.errors import MediaError

if TYPE_CHECKING:
    from effigie.media import ClipInfo, Frame, VideoReader
    from effigie.media.seeking import PacketIndex

MAX_BYTES = 192 << 20  # of decoded frames, of all clips together
MAX_SOURCES = 6  # clips that are open at a time
READ_AHEAD = 48  # frames that are read on rather than sought: a seek decodes from a key frame
REWIND = 24  # frames that are read before the one asked for where somebody steps back: the next steps are there
MAX_THREADS = 4  # of a decoder
JPEG_QUALITY = 90


@dataclass(frozen=True)
class Picture:
    """A frame as JPEG, with its number, its time in seconds and its size in px."""

    number: int
    time: float
    width: int
    height: int
    jpeg: bytes


class FrameSource:
    """Frames of one clip by their number. Not for several threads at once.

    Raises:
        MediaError: the clip cannot be read.
    """

    def __init__(self, path: Path) -> None:
        from effigie.media import probe
        from effigie.media.seeking import PacketIndex

        self.path = path
        self.stamp = read_stamp(path)
        self.info: ClipInfo = probe(path)
        self._index: PacketIndex | None = PacketIndex.read(path) if self.info.kind == "video" else None
        self.count = self._count_frames()
        """Number of frames; fewer may decode where the file is damaged."""
        self._reader: VideoReader | None = None
        self._frames: Iterator[Frame] | None = None
        self._next = 0

    def _count_frames(self) -> int:
        from effigie.media.probe import count_packets

        if self._index is None:
            return self.info.frames or count_packets(self.path)
        return len(self._index.visible) or count_packets(self.path)

    def read(self, number: int, keep: Callable[[Frame], None]) -> None:
        """Decode on to a frame; every frame on the way is handed to ``keep``.

        Raises:
            MediaError: there is no such frame, or the clip does not decode.
        """
        if self._frames is None or not self._next <= number < self._next + READ_AHEAD:
            steps_back = self._next - READ_AHEAD <= number < self._next
            self._seek(max(0, number - REWIND) if steps_back else number)
        assert self._frames is not None
        for frame in self._frames:
            self._next = frame.index + 1
            keep(frame)
            if frame.index >= number:
                return
        self._frames, self.count = None, self._next
        raise MediaError(f"{self.path.name} has no frame {number}: it ends with frame {self._next - 1}")

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = self._frames = None

    def _seek(self, number: int) -> None:
        from effigie.execution import available_cores
        from effigie.media import VideoReader

        self.close()
        threads = min(available_cores(), MAX_THREADS)
        self._reader = VideoReader(self.path, number, threads=threads, index=self._index)
        self._frames, self._next = iter(self._reader), number


class FrameSources:
    """Frames of all clips that are looked at; the least recently used frames and clips go. For several threads."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._frames: OrderedDict[tuple[Path, int], Frame] = OrderedDict()
        self._sources: OrderedDict[Path, FrameSource] = OrderedDict()
        self._lock = threading.Lock()

    def describe(self, path: Path) -> dict[str, Any]:
        """Size, rate, number of frames and the like of a clip, as JSON values."""
        with self._lock:
            source = self._open(path)
            info = source.info
        return {
            "width": info.width,
            "height": info.height,
            "rate": None if info.rate is None else float(info.rate),
            "frames": max(1, source.count),
            "seconds": None if info.duration is None else float(info.duration),
            "codec": info.codec,
            "sound": bool(info.audio),
        }

    def picture(self, path: Path, number: int, width: int | None = None) -> Picture:
        """Frame ``number`` as JPEG, scaled down to ``width`` px if it is wider.

        Raises:
            MediaError: there is no such frame, or the clip cannot be read.
        """
        frame = self.frame(path, number)
        return encode_frame(frame, width)

    def frame(self, path: Path, number: int) -> Frame:
        """Frame ``number`` as decoded."""
        with self._lock:
            source = self._open(path)
            key = (path, number)
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key]
            source.read(number, lambda frame: self._keep(path, frame))
            if key not in self._frames:
                raise MediaError(f"{path.name} has no frame {number}: frames of it are damaged")
            return self._frames[key]

    def close(self, path: Path) -> None:
        """Let go of a clip: its frames, and the open file."""
        with self._lock:
            self._close(path)

    def _keep(self, path: Path, frame: Frame) -> None:
        key = (path, frame.index)
        if key not in self._frames:
            self._bytes += frame.image.nbytes
        self._frames[key] = frame
        self._frames.move_to_end(key)
        while self._bytes > self._limit and len(self._frames) > 1:
            self._bytes -= self._frames.popitem(last=False)[1].image.nbytes

    def _open(self, path: Path) -> FrameSource:
        source = self._sources.get(path)
        if source is not None and source.stamp != read_stamp(path):  # replaced since
            self._close(path)
            source = None
        if source is None:
            source = self._sources[path] = FrameSource(path)
        self._sources.move_to_end(path)
        while len(self._sources) > MAX_SOURCES:
            self._close(next(iter(self._sources)))
        return source

    def _close(self, path: Path) -> None:
        source = self._sources.pop(path, None)
        if source is not None:
            source.close()
        for key in [key for key in self._frames if key[0] == path]:
            self._bytes -= self._frames.pop(key).image.nbytes


def encode_frame(frame: Frame, width: int | None) -> Picture:
    """A frame as JPEG, at most ``width`` px wide."""
    import cv2

    image = frame.image
    if width is not None and image.shape[1] > width:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return Picture(frame.index, float(frame.time), image.shape[1], image.shape[0], encoded.tobytes())


def read_stamp(path: Path) -> tuple[int, int]:
    """What changes when a file is replaced.

    Raises:
        MediaError: it has vanished.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise MediaError(f"{path.name} is gone: it was moved or removed while it was open") from error
    return status.st_mtime_ns, status.st_size
