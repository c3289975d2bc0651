"""Finds the manifest in a sound file that effigie signed, and checks its wrapping byte by byte.

WAV has a chunk for it. MP3 has an ID3 tag with a GEOB frame for any object (ID3v2.4.0 §4.15), and so has FLAC, in front
of its own beginning. None of the hashes covers that wrapping.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from effigie.provenance.c2pa.findings import StrictCheckError

ID3_HEADER_BYTES = FRAME_HEADER_BYTES = 10
OBJECT_HEAD = b"\x03application/c2pa\0c2pa\0c2pa manifest store\0"
"""Text in UTF-8, media type, file name, description."""
MAX_MANIFEST_BYTES = 64 << 20
MAX_CHUNKS = 100_000


def manifest_from_chunks(stream: BinaryIO) -> bytes:
    """The manifest store in a RIFF file (WAV).

    Raises:
        StrictCheckError: there is not exactly one, or what holds it was changed.
    """
    end = stream.seek(0, os.SEEK_END)
    start, manifests = 12, []
    for _ in range(MAX_CHUNKS):
        if start >= end:
            break
        stream.seek(start)
        header = stream.read(8)
        size = int.from_bytes(header[4:], "little")
        if len(header) < 8 or start + 8 + size > end:
            raise StrictCheckError("the chunks do not fit the file")
        if header[:4] == b"C2PA":
            data = stream.read(min(size + size % 2, MAX_MANIFEST_BYTES))
            if any(data[size:]):
                raise StrictCheckError("the chunk that holds the manifest was changed")
            manifests.append(data[:size])
        start += 8 + size + size % 2
    if len(manifests) != 1:
        raise StrictCheckError("the chunk that holds the manifest was changed")
    return manifests[0]


def manifest_from_tag(stream: BinaryIO) -> bytes:
    """The manifest store in the ID3 tag of an MP3 or FLAC file.

    Raises:
        StrictCheckError: there is not exactly one, or what holds it was changed.
    """
    stream.seek(0)
    header = stream.read(ID3_HEADER_BYTES)
    size = _synchsafe(header[6:])
    if header[:6] != b"ID3\x04\0\0" or size > MAX_MANIFEST_BYTES:
        raise StrictCheckError("the tag that holds the manifest was changed")
    tag = stream.read(size)
    if len(tag) != size:
        raise StrictCheckError("the tag that holds the manifest was changed")
    start, manifests = 0, []
    while start < size:
        frame = tag[start : start + FRAME_HEADER_BYTES]
        if not frame[0]:
            if any(tag[start:]):
                raise StrictCheckError("the padding of the tag was changed")
            break
        stop = start + FRAME_HEADER_BYTES + _synchsafe(frame[4:8])
        if len(frame) < FRAME_HEADER_BYTES or stop > size or frame[8:] != b"\0\0":
            raise StrictCheckError("the frames of the tag do not fit")
        if frame[:4] == b"GEOB":
            data = tag[start + FRAME_HEADER_BYTES : stop]
            if not data.startswith(OBJECT_HEAD):
                raise StrictCheckError("the frame that holds the manifest was changed")
            manifests.append(data[len(OBJECT_HEAD) :])
        start = stop
    if len(manifests) != 1:
        raise StrictCheckError("the tag that holds the manifest was changed")
    return manifests[0]


def _synchsafe(data: bytes) -> int:
    """A size in seven bits a byte."""
    if len(data) != 4 or any(byte & 0x80 for byte in data):
        raise StrictCheckError("the tag that holds the manifest was changed")
    return sum(byte << 7 * (3 - place) for place, byte in enumerate(data))
