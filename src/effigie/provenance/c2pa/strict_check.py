"""Strict check of the bytes of a signed file that the hashes of the C2PA standard leave out.

A manifest cannot hash itself: its wrapping in the file, the headers of its boxes and the padding of its signature can
be changed without any reader noticing; in MP4 the standard leaves out ``ftyp`` and ``free`` too. None of that can
change what is seen or claimed. In effigie's own outputs it is checked all the same: no byte can be changed unnoticed.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from effigie.provenance.c2pa.findings import StrictCheckError
from effigie.provenance.c2pa.sound_manifest import manifest_from_chunks, manifest_from_tag

__all__ = ["StrictCheckError", "check_container", "check_manifest_store", "hash_unprotected_boxes"]

MANIFEST_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
UNHASHED_BOXES = (b"ftyp", b"free", b"skip", b"mfra")
"""Top-level boxes that ``c2pa.hash.bmff.v3`` leaves out (specification 2.x §18.7), besides the manifest's own."""
MAX_BOX_BYTES = 64 << 20  # bytes
MAX_BOXES = 100_000
JUMBF_SEGMENT = b"\x02\x11"
"""The number that the library gives the segments of its manifest in a JPEG."""
LABELS = {
    b"c2pa": (b"c2pa",),
    b"c2as": (b"c2pa.assertions",),
    b"c2cl": (b"c2pa.claim", b"c2pa.claim.v2"),
    b"c2cs": (b"c2pa.signature",),
}
"""Kind of box → the labels it may bear; others are named by their hashed references."""
TOGGLES_LABEL, TOGGLES_LABEL_SALT = 0x03, 0x13
"""Toggles of a description box: it has a label and may be referred to; it has salt too."""
COSE_SIGN1 = b"\xd2"
"""The tag of a signature by one signer (RFC 9052 §4.2)."""
COSE_UNSIGNED = {"pad", "pad2", "sigTst", "sigTst2", "rVals", "x5chain", 33}
"""Headers of a signature that stand outside it: padding, time stamps, answers about revocation, certificates."""
MAX_DEPTH = 16


def hash_unprotected_boxes(stream: BinaryIO) -> str | None:
    """SHA-256 of the top-level boxes of an MP4 or MOV that the standard does not hash; None for another format."""
    digest = hashlib.sha256()
    if _read_head(stream)[4:8] != b"ftyp":
        return None
    for kind, start, size in _list_boxes(stream):
        if kind in UNHASHED_BOXES:
            if size > MAX_BOX_BYTES:
                raise StrictCheckError(f"a {kind.decode('ascii')} box is too large")
            stream.seek(start)
            digest.update(stream.read(size))
    return digest.hexdigest()


def check_container(stream: BinaryIO, boxes_sha256: str | None) -> None:
    """Check what the standard does not, in a file that effigie signed.

    Args:
        boxes_sha256: what :func:`hash_unprotected_boxes` gave before it was signed.

    Raises:
        StrictCheckError: a byte was changed; says where.
    """
    head = _read_head(stream)
    if head[4:8] == b"ftyp":
        if hash_unprotected_boxes(stream) != boxes_sha256:
            raise StrictCheckError("the file type box or free space was changed")
        manifest = _manifest_from_boxes(stream)
    elif head.startswith(b"\x89PNG"):
        manifest = _manifest_from_chunks(stream)
    elif head.startswith(b"\xff\xd8"):
        manifest = _manifest_from_segments(stream)
    elif head.startswith(b"RIFF"):
        manifest = manifest_from_chunks(stream)
    elif head.startswith(b"ID3"):
        manifest = manifest_from_tag(stream)
    else:
        raise StrictCheckError("the container is not known")
    check_manifest_store(manifest)


def check_manifest_store(data: bytes) -> None:
    """Check the parts of a manifest store that neither hashes nor signatures cover."""
    if _check_superbox(data, 0, len(data), 0) != b"c2pa":
        raise StrictCheckError("the manifest is no manifest store")


def _read_head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read(12)


def _list_boxes(stream: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and size of the top-level boxes."""
    end = stream.seek(0, os.SEEK_END)
    start = 0
    for _ in range(MAX_BOXES):
        if start == end:
            return
        stream.seek(start)
        header = stream.read(16)
        if len(header) < 8:
            raise StrictCheckError("the boxes do not fit the file")
        size, kind = struct.unpack(">I4s", header[:8])
        if size == 1 and len(header) == 16:
            size = struct.unpack(">Q", header[8:])[0]
        elif size == 0:
            size = end - start
        if size < 8 or start + size > end:
            raise StrictCheckError("the boxes do not fit the file")
        yield kind, start, size
        start += size
    raise StrictCheckError("there are too many boxes")


def _manifest_from_boxes(stream: BinaryIO) -> bytes:
    boxes = []
    for kind, start, size in _list_boxes(stream):
        stream.seek(start)
        if kind == b"uuid" and stream.read(24)[8:] == MANIFEST_UUID:
            if size > MAX_BOX_BYTES:
                raise StrictCheckError("the manifest is too large")
            stream.seek(start)
            boxes.append(stream.read(size))
    # Version and flags, purpose, place of further hashes.
    if len(boxes) != 1 or boxes[0][24:45] != b"\0\0\0\0manifest\0" + bytes(8):
        raise StrictCheckError("the box that holds the manifest was changed")
    return boxes[0][45:]


def _manifest_from_chunks(stream: BinaryIO) -> bytes:
    end = stream.seek(0, os.SEEK_END)
    start, chunks = 8, []
    while start < end:
        stream.seek(start)
        header = stream.read(8)
        if len(header) < 8:
            raise StrictCheckError("the chunks do not fit the file")
        size, kind = struct.unpack(">I4s", header)
        if kind == b"caBX":
            data = stream.read(min(size + 4, MAX_BOX_BYTES))
            if len(data) != size + 4 or zlib.crc32(kind + data[:-4]) != int.from_bytes(data[-4:], "big"):
                raise StrictCheckError("the chunk that holds the manifest was changed")
            chunks.append(data[:-4])
        start += size + 12
    if len(chunks) != 1:
        raise StrictCheckError("the chunk that holds the manifest was changed")
    return chunks[0]


def _manifest_from_segments(stream: BinaryIO) -> bytes:
    """A manifest is spread over APP11 segments, each with the same number, its place and the first box's header."""
    manifest, place, start = b"", 0, 2
    while True:
        stream.seek(start)
        header = stream.read(4)
        if len(header) < 4 or header[0] != 0xFF:
            raise StrictCheckError("the segments do not fit the file")
        size = int.from_bytes(header[2:], "big")
        if header[1] == 0xDA:
            return manifest
        data = stream.read(size - 2)
        if header[1] == 0xEB and (data[:2] == b"JP" or place):
            place += 1
            box = data[8:16] if place == 1 else manifest[:8]
            if data[:16] != b"JP" + JUMBF_SEGMENT + struct.pack(">I", place) + box:
                raise StrictCheckError("a segment that holds the manifest was changed")
            manifest += data[8:] if place == 1 else data[16:]
        start += size + 2


def _check_superbox(data: bytes, start: int, stop: int, depth: int) -> bytes:
    """Check the box that fills ``data[start:stop]``; its kind."""
    if depth > MAX_DEPTH or _read_box(data, start, stop) != (b"jumb", stop):
        raise StrictCheckError("the boxes of the manifest do not fit")
    kind, label, start = _read_description(data, start + 8, stop)
    if label not in LABELS.get(kind, (label,)):
        raise StrictCheckError("a box of the manifest was renamed")
    while start < stop:
        inner, end = _read_box(data, start, stop)
        if inner == b"jumb":
            _check_superbox(data, start, end, depth + 1)
        elif kind == b"c2cs" and inner == b"cbor":
            _check_signature(data[start + 8 : end])
        start = end
    return kind


def _read_box(data: bytes, start: int, stop: int) -> tuple[bytes, int]:
    if stop - start < 8:
        raise StrictCheckError("the boxes of the manifest do not fit")
    size, kind = struct.unpack_from(">I4s", data, start)
    if size < 8 or start + size > stop:
        raise StrictCheckError("the boxes of the manifest do not fit")
    return kind, start + size


def _read_description(data: bytes, start: int, stop: int) -> tuple[bytes, bytes, int]:
    """Kind, label and end of a description box."""
    kind, end = _read_box(data, start, stop)
    body = data[start + 8 : end]
    label, zero, salt = body[17:].partition(b"\0")
    if kind != b"jumd" or not zero or not label:
        raise StrictCheckError("a box of the manifest is not described")
    salted = len(salt) > 8 and salt[4:8] == b"c2sh" and int.from_bytes(salt[:4], "big") == len(salt)
    if body[16] != (TOGGLES_LABEL_SALT if salted else TOGGLES_LABEL) or (salt and not salted):
        raise StrictCheckError("a description in the manifest was changed")
    return body[:4], label, end


def _check_signature(data: bytes) -> None:
    """Check that only known headers stand outside what is signed, and that padding is zero."""
    value, end = _read_cbor(data, len(COSE_SIGN1), 0)
    if not data.startswith(COSE_SIGN1) or end != len(data) or not isinstance(value, list) or len(value) != 4:
        raise StrictCheckError("the signature was changed")
    _, unsigned, payload, signature = value
    if not isinstance(unsigned, dict) or payload is not None or not isinstance(signature, bytes):
        raise StrictCheckError("the signature was changed")
    for name, content in unsigned.items():
        if name not in COSE_UNSIGNED:
            raise StrictCheckError("something was added to the signature")
        if name in ("pad", "pad2") and (not isinstance(content, bytes) or any(content)):
            raise StrictCheckError("the padding of the signature was changed")
        if name in ("sigTst", "sigTst2") and not _is_time_stamp(content):
            raise StrictCheckError("the time stamp was changed")


def _is_time_stamp(content: Any) -> bool:
    tokens = content.get("tstTokens") if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(tokens, list):
        return False
    return all(isinstance(token, dict) and [*token] == ["val"] for token in tokens)


def _read_cbor(data: bytes, start: int, depth: int) -> tuple[Any, int]:
    """One value and where it ends; only what a signature is made of."""
    if start >= len(data) or depth > MAX_DEPTH:
        raise StrictCheckError("the signature cannot be read")
    major, extra = data[start] >> 5, data[start] & 31
    start += 1
    if extra >= 24:
        width = {24: 1, 25: 2, 26: 4, 27: 8}.get(extra, len(data))
        extra, start = int.from_bytes(data[start : start + width], "big"), start + width
    if major in (2, 3):
        content = data[start : start + extra]
        if len(content) != extra:
            raise StrictCheckError("the signature cannot be read")
        return (content if major == 2 else content.decode("utf-8", "replace")), start + extra
    if major == 4:
        items = []
        for _ in range(min(extra, len(data))):
            item, start = _read_cbor(data, start, depth + 1)
            items.append(item)
        return items, start
    if major == 5:
        entries: dict[Any, Any] = {}
        for _ in range(min(extra, len(data))):
            name, start = _read_cbor(data, start, depth + 1)
            content, start = _read_cbor(data, start, depth + 1)
            if not isinstance(name, str | int) or name in entries:
                raise StrictCheckError("the signature cannot be read")
            entries[name] = content
        return entries, start
    if major == 7 and extra == 22:
        return None, start
    if major in (0, 1):
        return extra if major == 0 else -1 - extra, start
    raise StrictCheckError("the signature cannot be read")
