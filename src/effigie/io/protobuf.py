"""A minimal reader and writer of the Protocol Buffers wire format, for the face mesh and the ONNX graph.

A dependency on a schema compiler for two small reads would cost more than these lines.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, BYTES = 0, 2
FIXED_LENGTHS = {1: 8, 5: 4}  # wire type -> bytes


def decode_varint(data: bytes, position: int) -> tuple[int, int]:
    """Decode the base-128 number at ``position``; returns it and the position after it."""
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
    """Encode ``value`` (>= 0) in base 128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def iterate_fields(message: bytes) -> Iterator[tuple[int, int | bytes, bytes]]:
    """Yield ``(field number, value, encoded bytes)``; length-delimited and fixed values come as bytes.

    ValueError or IndexError if the message is damaged.
    """
    position = 0
    while position < len(message):
        start = position
        key, position = decode_varint(message, position)
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == VARINT:
            value, position = decode_varint(message, position)
        else:
            if kind == BYTES:
                length, position = decode_varint(message, position)
            elif kind in FIXED_LENGTHS:
                length = FIXED_LENGTHS[kind]
            else:
                raise ValueError(f"unknown wire type {kind}")
            value = message[position : position + length]
            if len(value) != length:
                raise ValueError("message ends in the middle of a field")
            position += length
        yield number, value, message[start:position]


def iterate_submessages(message: bytes, number: int) -> Iterator[bytes]:
    """Yield the length-delimited values of field ``number``."""
    for field_number, value, _ in iterate_fields(message):
        if field_number == number and isinstance(value, bytes):
            yield value


def encode_bytes_field(number: int, value: bytes) -> bytes:
    """Encode a length-delimited field."""
    return encode_varint(number << 3 | BYTES) + encode_varint(len(value)) + value
