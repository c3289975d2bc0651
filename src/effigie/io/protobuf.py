"""Just enough of the Protocol Buffers wire format to read a mesh and to trim an ONNX graph.

A dependency on a schema compiler for two small reads would cost more than these lines.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(data: bytes, position: int) -> tuple[int, int]:
    """The base-128 number at ``position``, and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("varint of more than 64 bits")


def encode_varint(value: int) -> bytes:
    """``value`` (>= 0) in base 128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(message: bytes) -> Iterator[tuple[int, int | bytes, bytes]]:
    """Yield ``(field number, value, encoded bytes)``; length-delimited and fixed values come as bytes.

    Raises:
        ValueError, IndexError: the message is damaged.
    """
    position = 0
    while position < len(message):
        start = position
        key, position = varint(message, position)
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == VARINT:
            value, position = varint(message, position)
        else:
            if kind == BYTES:
                length, position = varint(message, position)
            elif kind in (FIXED32, FIXED64):
                length = 4 if kind == FIXED32 else 8
            else:
                raise ValueError(f"unknown wire type {kind}")
            value = message[position : position + length]
            if len(value) != length:
                raise ValueError("message ends in the middle of a field")
            position += length
        yield number, value, message[start:position]


def children(message: bytes, number: int) -> Iterator[bytes]:
    """The length-delimited values of field ``number``."""
    for found, value, _ in fields(message):
        if found == number and isinstance(value, bytes):
            yield value


def delimited(number: int, value: bytes) -> bytes:
    """Encode a length-delimited field."""
    return encode_varint(number << 3 | BYTES) + encode_varint(len(value)) + value
