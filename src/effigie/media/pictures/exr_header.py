"""The header of an OpenEXR file, read by hand: attributes byte for byte, and whether all of its pixels were written.

The package tells of a file that is cut short on standard error, and shows only the attributes that it knows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from effigie.errors import MediaError

MAGIC = b"v/1\x01"
_TILED, _LONG_NAMES, _DEEP, _MULTIPART = 0x200, 0x400, 0x800, 0x1000
MAX_ATTRIBUTES = 10_000
MAX_VALUE_BYTES = 64 << 20
MAX_CHUNKS = 1 << 22
_LINES = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
"""Lines a chunk, by the number of the compression."""
LOSSY = {6: "B44", 7: "B44A", 8: "DWAA", 9: "DWAB"}
"""Compressions that change pixels when they are written again; PXR24 does so only once."""
Attributes = dict[str, tuple[str, bytes]]


@dataclass(frozen=True)
class ExrHeader:
    """What an EXR file says of itself.

    Attributes:
        parts: of each part the attributes, by name: type and value as stored.
        is_deep: it holds several samples a pixel.
    """

    parts: tuple[Attributes, ...]
    is_deep: bool

    def window(self, part: int, name: str) -> tuple[int, int, int, int]:
        """(left, top, width, height) in pixels of ``dataWindow`` or ``displayWindow``."""
        left, top, right, bottom = struct.unpack("<4i", self.parts[part][name][1])
        return left, top, right - left + 1, bottom - top + 1

    def channels(self, part: int) -> dict[str, tuple[str, int, int]]:
        """By name: ``half``, ``float`` or ``uint``, and the pixels that a sample stands for, across and down."""
        value, offset = self.parts[part]["channels"][1], 0
        channels = {}
        while offset < len(value) and value[offset]:
            end = value.index(b"\0", offset)
            kind, across, down = struct.unpack("<i4xii", value[end + 1 : end + 17])
            channels[value[offset:end].decode("utf-8", "replace")] = (("uint", "half", "float")[kind], across, down)
            offset = end + 17
        return channels


def read_exr_header(path: Path) -> ExrHeader:
    """Read the header, and see that every part of the picture was written.

    Raises:
        MediaError: it is no EXR file, damaged, cut short, or was never finished.
    """
    broken = MediaError(f"{path} cannot be decoded: it is damaged or cut short; render or copy it again")
    try:
        with path.open("rb") as stream:
            header, tables = _read(stream)
            size = stream.seek(0, 2)
    except (ValueError, IndexError, KeyError, struct.error, UnicodeDecodeError):
        raise broken from None
    except FileNotFoundError:
        raise MediaError(f"{path} does not exist: check the name") from None
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    for chunks in tables:
        if any(offset == 0 for offset in chunks):
            raise MediaError(f"{path} was not written to its end: render it again")
        if any(offset >= size for offset in chunks):
            raise broken
    return header


def _read(stream: BinaryIO) -> tuple[ExrHeader, list[tuple[int, ...]]]:
    magic, version = struct.unpack("<4sI", stream.read(8))
    if magic != MAGIC:
        raise ValueError("no EXR file")
    parts = []
    while attributes := dict(_read_attributes(stream)):
        parts.append(attributes)
        if not version & _MULTIPART:
            break
    if not parts:
        raise ValueError("no part")
    header = ExrHeader(tuple(parts), bool(version & _DEEP))
    tables = []
    for number, attributes in enumerate(parts):
        count = _count_chunks(header, number, bool(version & _TILED), attributes)
        if count is None:
            break
        tables.append(struct.unpack(f"<{count}Q", stream.read(8 * count)))
    return header, tables


def _read_attributes(stream: BinaryIO) -> Iterator[tuple[str, tuple[str, bytes]]]:
    for _ in range(MAX_ATTRIBUTES):
        name = _read_text(stream)
        if not name:
            return
        kind = _read_text(stream)
        size = struct.unpack("<I", stream.read(4))[0]
        if size > MAX_VALUE_BYTES:
            raise ValueError("too long a value")
        value = stream.read(size)
        if len(value) < size:
            raise ValueError("cut short")
        yield name, (kind, value)
    raise ValueError("too many attributes")


def _read_text(stream: BinaryIO) -> str:
    text = bytearray()
    while (byte := stream.read(1)) != b"\0":
        if not byte or len(text) > 255:
            raise ValueError("no text")
        text += byte
    return text.decode("utf-8", "replace")


def _count_chunks(header: ExrHeader, number: int, tiled: bool, attributes: Attributes) -> int | None:
    """Chunks of a part; None where the header does not tell (several sizes of tiles, or a newer compression)."""
    if "chunkCount" in attributes:
        count = struct.unpack("<i", attributes["chunkCount"][1])[0]
    else:
        _, _, width, height = header.window(number, "dataWindow")
        if tiled:
            across, down, mode = struct.unpack("<IIB", attributes["tiles"][1])
            if mode & 15:
                return None
            count = -(-width // across) * -(-height // down)
        else:
            lines = _LINES.get(attributes["compression"][1][0])
            if lines is None:
                return None
            count = -(-height // lines)
    if not 0 < count <= MAX_CHUNKS:
        raise ValueError("no number of chunks")
    return int(count)
