"""Decoded pictures of a clip by number, those around the one that is looked at kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from effigie.errors import MediaError
from effigie.media import FootageSettings, Frame, VideoReader
from effigie.media.seeking import PacketIndex

MAX_BYTES = 192 << 20
BYTES_A_PIXEL = 5  # RGB, and most often two of the file's own


class PictureWindow:
    """Frames of one clip with the file's own samples. They are shared: edit a copy.

    Args:
        fields: whether interlaced frames come as two pictures.
        footage: what a sequence of pictures does not say itself.
    """

    def __init__(
        self, path: Path, fields: bool, footage: FootageSettings | None = None, limit: int = MAX_BYTES
    ) -> None:
        self._footage = footage
        self._path, self._fields, self._limit = path, fields, limit
        self._pictures: OrderedDict[int, list[Frame]] = OrderedDict()
        self._bytes = 0
        self._reader: VideoReader | None = None
        self._frames: Iterator[Frame] = iter(())
        self._waiting: Frame | None = None  # read, and of the frame after
        self._next = -1
        self._index: PacketIndex | None = None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def read(self, index: int) -> list[Frame]:
        """Frame ``index``: one picture, or both of its fields.

        Raises:
            MediaError: there is no such frame, or it cannot be decoded.
        """
        if index in self._pictures:
            self._pictures.move_to_end(index)
            return self._pictures[index]
        if index != self._next:
            self._open(index)
        pictures = [] if self._waiting is None else [self._waiting]
        self._waiting = None
        for frame in self._frames:
            if pictures and frame.index != pictures[0].index:
                self._waiting = frame
                break
            pictures.append(frame)
            if frame.field is None:
                break
        self._next = index + 1
        if not pictures or pictures[0].index != index:
            self._next = -1
            raise MediaError(f"{self._path.name} has no frame {index}, or it is damaged")
        self._keep(index, pictures)
        return pictures

    def _open(self, index: int) -> None:
        self.close()
        if self._index is None and index:
            is_video = VideoReader(self._path).info.kind == "video"
            self._index = PacketIndex.read(self._path) if is_video else None
        self._reader = VideoReader(
            self._path, index, native=True, fields=self._fields, index=self._index, footage=self._footage
        )
        self._frames, self._waiting = iter(self._reader), None

    def _keep(self, index: int, pictures: list[Frame]) -> None:
        self._pictures[index] = pictures
        self._bytes += sum(map(_size, pictures))
        while self._bytes > self._limit and len(self._pictures) > 1:
            self._bytes -= sum(map(_size, self._pictures.popitem(last=False)[1]))


def _size(frame: Frame) -> int:
    return BYTES_A_PIXEL * frame.image.shape[0] * frame.image.shape[1]
