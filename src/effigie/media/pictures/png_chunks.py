"""What a PNG file says beside its pixels: its chunks, carried over from one file to another."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Color, size of a pixel, HDR, texts, camera, time: all that stays true of a picture in which a face was made.
KEPT = (
    *(b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi", b"sBIT", b"pHYs", b"sTER"),
    *(b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"oFFs"),
)
# Pixels, and what tells how they are stored; old credentials (caBX) become an ingredient, not a claim of the new file.
STORAGE = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"bKGD", b"hIST", b"caBX", b"acTL", b"fcTL", b"fdAT")


def carry_chunks(png: bytes, source: bytes) -> tuple[bytes, list[str]]:
    """A PNG with the chunks of another, and the names of those that are not known and were left out.

    Args:
        png: with the new pixels.
        source: of which all else is taken.
    """
    chunks = list(_list_chunks(source))
    source_chunks = [chunk for kind, chunk in chunks if kind in KEPT]
    left = sorted({kind.decode("latin-1") for kind, _ in chunks if kind not in KEPT and kind not in STORAGE})
    own = [chunk for kind, chunk in _list_chunks(png) if kind in STORAGE]
    return SIGNATURE + own[0] + b"".join(source_chunks) + b"".join(own[1:]), left


def is_whole(png: bytes) -> bool:
    """Whether the bytes of a PNG file end with its last chunk."""
    return png.rstrip(b"\0").endswith(b"IEND\xaeB`\x82") or b"IEND\xaeB`\x82" in png[-4096:]


def _list_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes, with length and check sum, of each chunk; of one whose sum is wrong, none."""
    offset = len(SIGNATURE)
    while offset + 12 <= len(png):
        size = struct.unpack(">I", png[offset : offset + 4])[0]
        kind, whole = png[offset + 4 : offset + 8], png[offset : offset + size + 12]
        if len(whole) < size + 12:
            return
        if zlib.crc32(whole[4:-4]) == struct.unpack(">I", whole[-4:])[0]:
            yield kind, whole
        offset += size + 12
