"""What a picture file is by its first bytes, whatever its name says."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

PictureKind = Literal[
    "png", "jpeg", "webp", "bmp", "tiff", "exr", "avif", "heif", "animated png", "animated webp", "pages", "track"
]
"""``animated ...``, ``pages`` (a TIFF of several) and ``track`` (AVIF or HEIF with a sequence) are clips."""

# Brands of ISO 23008-12 (HEIF) and AVIF: a file that names one holds pictures, and with a movie box a sequence too.
AVIF_BRANDS = {b"avif", b"avis"}
HEIF_BRANDS = {b"mif1", b"mif2", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
HEAD_BYTES = 4096  # the chunks that announce an animation stand before the first picture
MAX_BOXES = 64  # top-level boxes looked at
MAX_BRANDS = 64
MAX_PAGES = 100_000


def read_kind(path: Path) -> PictureKind | None:
    """Kind of a picture file; None for anything else, and for what cannot be read: opening it says what is wrong."""
    if not path.is_file():  # a pipe or a device would be waited for
        return None
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            return _recognize(head, stream)
    except (OSError, struct.error, ValueError):
        return None


def is_media(path: Path) -> bool:
    """Whether a file begins like a picture or a clip of some container, though its name does not say so."""
    if not path.is_file():
        return False
    if read_kind(path) is not None:
        return True
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError:
        return False
    return (
        head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free")
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        or head.startswith(
            (b"\x1aE\xdf\xa3", b"GIF8", b"FLV", b"OggS", b"\x30\x26\xb2\x75", b"\x06\x0e\x2b\x34", b"\0\0\1\xba")
        )
        or (len(head) > 376 and head[0] == head[188] == head[376] == 0x47)  # MPEG-TS
        or (len(head) > 388 and head[4] == head[196] == head[388] == 0x47)  # M2TS
    )


def _recognize(head: bytes, stream: BinaryIO) -> PictureKind | None:
    if head.startswith(b"\x89PNG"):
        return "animated png" if b"acTL" in head.partition(b"IDAT")[0] else "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "animated webp" if head[12:16] == b"VP8X" and head[20:21] and head[20] & 2 else "webp"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "pages" if sum(1 for _ in list_pages(stream)) > 1 else "tiff"
    if head.startswith(b"BM") and len(head) > 26 and head[6:10] == bytes(4):
        return "bmp"
    if head.startswith(b"v/1\x01"):
        return "exr"
    if head[4:8] == b"ftyp":
        brands = _read_brands(head)
        if brands & (AVIF_BRANDS | HEIF_BRANDS):
            if b"moov" in _list_boxes(stream):
                return "track"
            return "avif" if brands & AVIF_BRANDS else "heif"
    return None


def _read_brands(head: bytes) -> set[bytes]:
    size = min(int.from_bytes(head[:4], "big"), len(head), 16 + 4 * MAX_BRANDS)
    return {head[8:12], *(head[at : at + 4] for at in range(16, size, 4))}


def is_cut_short(stream: BinaryIO) -> bool:
    """Whether a file of boxes (HEIF, AVIF) ends before its last box does."""
    return b"cut short" in _list_boxes(stream)


def _list_boxes(stream: BinaryIO) -> Iterator[bytes]:
    """Kinds of the top-level boxes; at last ``cut short`` if the file ends within one."""
    end = stream.seek(0, 2)
    start = 0
    for _ in range(MAX_BOXES):
        stream.seek(start)
        header = stream.read(16)
        if len(header) < 8:
            if header:
                yield b"cut short"
            return
        size, kind = struct.unpack(">I4s", header[:8])
        if size == 1 and len(header) == 16:
            size = struct.unpack(">Q", header[8:])[0]
        yield kind
        if start + size > end:
            yield b"cut short"
        if size < 8 or start + size > end:
            return
        start += size


def list_pages(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Width and height of each page of a TIFF; 0, 0 of one that is a smaller version of another, or a mask."""
    stream.seek(0)
    head = stream.read(16)
    order, big = ("<" if head[:2] == b"II" else ">"), head[2:4] in (b"+\0", b"\0+")
    place = struct.unpack(order + "Q", head[8:16])[0] if big else struct.unpack(order + "I", head[4:8])[0]
    count_format, entry_bytes, place_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    visited: set[int] = set()
    while place and place not in visited and len(visited) < MAX_PAGES:
        visited.add(place)
        stream.seek(place)
        count = struct.unpack(order + count_format, stream.read(struct.calcsize(count_format)))[0]
        if count > MAX_BOXES * MAX_BRANDS:
            return
        values = {}
        for _ in range(count):
            entry = stream.read(entry_bytes)
            tag, kind = struct.unpack(order + "HH", entry[:4])
            if tag in (254, 256, 257):  # NewSubfileType, ImageWidth, ImageLength
                offset = 12 if big else 8
                values[tag] = struct.unpack(
                    order + ("H" if kind == 3 else "I"), entry[offset : offset + (2 if kind == 3 else 4)]
                )[0]
        # Bit 1 of NewSubfileType is one page of several, which is what is looked for.
        yield (0, 0) if values.get(254, 0) & ~2 else (values.get(256, 0), values.get(257, 0))
        place = struct.unpack(order + place_format, stream.read(struct.calcsize(place_format)))[0]
