"""Makes room in an MP4 or MOV without a copy of it: what follows is moved within the file, and its index corrected."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

CHUNK_BYTES = 8 << 20
CONTAINER_BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
MAX_DEPTH = 8
MAX_BOXES = 100_000
FILE_OFFSETS = {b"stco": ">u4", b"co64": ">u8"}
"""Boxes with places in the file, counted from its beginning."""
MOVED_TOO = (b"moof", b"mfra", b"sidx")
"""Boxes of fragmented files, whose places are counted otherwise: effigie writes none."""


class BoxSpaceError(Exception):
    """Error of a file in which no room can be made."""


def open_space(stream: BinaryIO, size: int) -> int:
    """Open a gap of ``size`` bytes after the first box (``ftyp``); returns where it begins.

    While this runs the file cannot be played, so it must not bear its final name yet.

    Raises:
        BoxSpaceError: it is no MP4 or MOV, is fragmented, or its index counts in 32 bits and does not reach so far.
            The file is as it was.
    """
    end = stream.seek(0, os.SEEK_END)
    boxes = list(_list_boxes(stream, 0, end, 0))
    if not boxes or boxes[0][0] != b"ftyp" or any(kind in MOVED_TOO for kind, _, _ in boxes):
        raise BoxSpaceError("it is fragmented, or no MP4")
    start = boxes[0][1] + boxes[0][2]
    tables = [(kind, place) for kind, place, _ in boxes if kind in FILE_OFFSETS]
    for kind, place in tables:
        _shift_table(stream, kind, place, start, size, end, change=False)
    for kind, place in tables:
        _shift_table(stream, kind, place, start, size, end, change=True)
    _move_up(stream, start, end, size)
    return start


def _list_boxes(stream: BinaryIO, start: int, stop: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and size of boxes, those in which places stand included."""
    count = 0
    while start < stop:
        stream.seek(start)
        header = stream.read(16)
        count += 1
        if len(header) < 8 or count > MAX_BOXES or depth > MAX_DEPTH:
            raise BoxSpaceError("its boxes do not fit")
        size, kind = struct.unpack(">I4s", header[:8])
        head = 8
        if size == 1 and len(header) == 16:
            size, head = struct.unpack(">Q", header[8:])[0], 16
        elif size == 0:
            size = stop - start
        if size < head or start + size > stop:
            raise BoxSpaceError("its boxes do not fit")
        yield kind, start, size
        if kind in CONTAINER_BOXES:
            yield from _list_boxes(stream, start + head, start + size, depth + 1)
        start += size


def _shift_table(stream: BinaryIO, kind: bytes, place: int, offset: int, size: int, end: int, change: bool) -> None:
    """Add ``size`` to the places beyond ``offset`` in a table of places, or only check that they have room for it."""
    stream.seek(place)
    header = stream.read(16)
    (count,) = struct.unpack(">I", header[12:16])
    dtype = np.dtype(FILE_OFFSETS[kind])
    position = place + 16
    while count:
        length = min(count, CHUNK_BYTES // dtype.itemsize)
        stream.seek(position)
        data = stream.read(length * dtype.itemsize)
        if len(data) != length * dtype.itemsize:
            raise BoxSpaceError("its index does not fit")
        places = np.frombuffer(data, dtype).astype(np.uint64)
        if int(places.max()) > end:
            raise BoxSpaceError("its index leads out of the file")
        places[places >= offset] += np.uint64(size)
        if int(places.max()) > np.iinfo(dtype).max:
            raise BoxSpaceError("its index counts in 32 bits")
        if change:
            stream.seek(position)
            stream.write(places.astype(dtype).tobytes())
        position, count = position + len(data), count - length


def _move_up(stream: BinaryIO, start: int, end: int, size: int) -> None:
    """Move the bytes from ``start`` on by ``size``, from the end backwards; the gap is filled with zeros."""
    position = end
    while position > start:
        length = min(CHUNK_BYTES, position - start)
        position -= length
        stream.seek(position)
        data = stream.read(length)
        stream.seek(position + size)
        stream.write(data)
    stream.seek(start)
    stream.write(bytes(size))
