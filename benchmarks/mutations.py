"""Mutations of files: functions from bytes and a random generator to broken bytes.

Media, face sets and models are broken alike; where a container's boxes or header fields can be found, those are hit,
since random damage hardly ever does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

Mutation = Callable[[bytes, np.random.Generator], bytes]

HEAD = 1024  # bytes in which most formats say what they are
ABSURD = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta", b"mvex")
"""Of the MP4 family: those that hold others."""
FIELDS: dict[str, tuple[bytes, int, int]] = {
    # What: the bytes before it, how far behind them it begins, how many bytes it has.
    "mp4 clock": (rb"mvhd", 12, 8),
    "mp4 track clock": (rb"mdhd", 12, 8),
    "mp4 track size": (rb"tkhd", 76, 8),
    "mp4 coded size": (rb"avc1|hvc1|hev1|mp4v|jpeg", 24, 4),
    "mp4 times": (rb"stts", 4, 12),
    "mp4 offsets of times": (rb"ctts", 4, 12),
    "mp4 samples": (rb"stsz", 4, 8),
    "mp4 places": (rb"stco|co64", 4, 8),
    "mp4 edits": (rb"elst", 4, 16),
    "matroska length": (rb"\x44\x89", 1, 8),
    "matroska size": (rb"\xb0[\x81-\x84]|\xba[\x81-\x84]", 2, 2),
    "matroska clock": (rb"\x2a\xd7\xb1", 1, 3),
    "matroska frame length": (rb"\x23\xe3\x83", 1, 4),
    "avi": (rb"avih|strh|strf", 4, 40),
    "png size": (rb"IHDR", 0, 8),
    "png frames": (rb"acTL|fcTL", 0, 20),
    "gif size": (rb"GIF8[79]a", 0, 4),
    "gif picture": (rb"\x00\x2c", 0, 8),
    "jpeg size": (rb"\xff[\xc0-\xc2]", 3, 4),
    "webp size": (rb"VP8X|VP8L|VP8 ", 4, 10),
    "webp frames": (rb"ANMF|ANIM", 4, 16),
    "bmp size": (rb"^BM", 16, 8),
    "tiff": (rb"^II\*\x00|^MM\x00\*", 4, 4),
    "mpeg size": (rb"\x00\x00\x01\xb3", 0, 4),
}


def flip_bits(data: bytes, random: np.random.Generator) -> bytes:
    """One to 64 bits turned over, anywhere."""
    return _flip_bits(data, random, 0, len(data))


def flip_head_bits(data: bytes, random: np.random.Generator) -> bytes:
    """Bits turned over in the first kilobyte."""
    return _flip_bits(data, random, 0, HEAD)


def flip_tail_bits(data: bytes, random: np.random.Generator) -> bytes:
    """Bits turned over in the last kilobytes, where many formats keep their index."""
    return _flip_bits(data, random, max(0, len(data) - 4 * HEAD), len(data))


def insert_noise(data: bytes, random: np.random.Generator) -> bytes:
    """A stretch of random bytes."""
    first, last = _stretch(data, random)
    return data[:first] + random.bytes(last - first) + data[last:]


def insert_zeros(data: bytes, random: np.random.Generator) -> bytes:
    """A stretch of zeros, as a copy leaves that was broken off and gone on with."""
    first, last = _stretch(data, random)
    return data[:first] + bytes(last - first) + data[last:]


def truncate(data: bytes, random: np.random.Generator) -> bytes:
    """The end is missing."""
    return data[: int(random.integers(0, max(1, len(data))))]


def remove_head(data: bytes, random: np.random.Generator) -> bytes:
    """The beginning is missing."""
    return data[int(random.integers(1, max(2, len(data)))) :]


def remove_range(data: bytes, random: np.random.Generator) -> bytes:
    """A stretch is missing."""
    first, last = _stretch(data, random)
    return data[:first] + data[last:]


def duplicate_range(data: bytes, random: np.random.Generator) -> bytes:
    """A stretch is there twice."""
    first, last = _stretch(data, random)
    return data[:last] + data[first:]


def swap_ranges(data: bytes, random: np.random.Generator) -> bytes:
    """Two halves of a stretch have changed places."""
    first, last = _stretch(data, random)
    middle = (first + last) // 2
    return data[:first] + data[middle:last] + data[first:middle] + data[last:]


def remove_all(data: bytes, random: np.random.Generator) -> bytes:
    """No bytes at all."""
    return b""


def replace_by_garbage(data: bytes, random: np.random.Generator) -> bytes:
    """The first bytes, by which the format is known, and noise."""
    return data[: int(random.integers(0, 64))] + random.bytes(min(len(data), 20_000))


def corrupt_number(data: bytes, random: np.random.Generator) -> bytes:
    """A number in the head that no file can mean, of one to eight bytes."""
    at = int(random.integers(0, max(1, min(len(data), HEAD))))
    return _replace_bytes(data, at, _number(random, int(random.choice([1, 2, 4, 8]))))


def corrupt_field(data: bytes, random: np.random.Generator) -> bytes:
    """A size, length, clock or count in the header that no file can mean."""
    places = [
        (found.end() + skip, length)
        for pattern, skip, length in FIELDS.values()
        for found in re.finditer(pattern, data)
    ]
    if not places:
        return corrupt_number(data, random)
    at, length = places[int(random.integers(len(places)))]
    size = int(random.choice([size for size in (1, 2, 4, 8) if size <= length]))
    return _replace_bytes(data, at + int(random.integers(0, length - size + 1)), _number(random, size))


def corrupt_box_size(data: bytes, random: np.random.Generator) -> bytes:
    """An MP4 box that says it is larger, smaller or endless."""
    boxes = list(_boxes(data, 0, len(data)))
    if not boxes:
        return corrupt_number(data, random)
    return _replace_bytes(data, boxes[int(random.integers(len(boxes)))][0], _number(random, 4))


def swap_boxes(data: bytes, random: np.random.Generator) -> bytes:
    """Two MP4 boxes have changed places."""
    boxes = list(_boxes(data, 0, len(data)))
    if len(boxes) < 2:
        return swap_ranges(data, random)
    (a, b), (c, d) = sorted(boxes[int(i)] for i in random.choice(len(boxes), 2, replace=False))
    if c < b:  # one inside the other
        return data[:a] + data[c:d] + data[b:]
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def duplicate_box(data: bytes, random: np.random.Generator) -> bytes:
    """An MP4 box is there twice."""
    boxes = list(_boxes(data, 0, len(data)))
    if not boxes:
        return duplicate_range(data, random)
    first, last = boxes[int(random.integers(len(boxes)))]
    return data[:last] + data[first:]


def remove_box(data: bytes, random: np.random.Generator) -> bytes:
    """An MP4 box is missing."""
    boxes = list(_boxes(data, 0, len(data)))
    if not boxes:
        return remove_range(data, random)
    first, last = boxes[int(random.integers(len(boxes)))]
    return data[:first] + data[last:]


def keep_unchanged(data: bytes, random: np.random.Generator) -> bytes:
    """As it was: for a wrong name, and to see that what is whole is read."""
    return data


MUTATIONS: dict[str, Mutation] = {
    "flips": flip_bits,
    "flips_in_the_head": flip_head_bits,
    "flips_in_the_tail": flip_tail_bits,
    "noise": insert_noise,
    "zeros": insert_zeros,
    "cut": truncate,
    "beheaded": remove_head,
    "removed": remove_range,
    "doubled": duplicate_range,
    "swapped": swap_ranges,
    "empty": remove_all,
    "garbage": replace_by_garbage,
    "absurd_number": corrupt_number,
    "absurd_field": corrupt_field,
    "box_size": corrupt_box_size,
    "boxes_swapped": swap_boxes,
    "box_doubled": duplicate_box,
    "box_removed": remove_box,
}


def mutate(data: bytes, kind: str, seed: int) -> bytes:
    """``data`` broken in one of the ways of :data:`MUTATIONS`, or ``unharmed``; the same arguments, the same bytes."""
    return MUTATIONS.get(kind, keep_unchanged)(data, np.random.default_rng(seed))


def _flip_bits(data: bytes, random: np.random.Generator, first: int, last: int) -> bytes:
    found = np.frombuffer(data, np.uint8).copy()
    last = min(last, len(found))
    if last > first:
        count = int(2 ** random.uniform(0, 6))
        at = random.integers(first, last, count)
        found[at] ^= (1 << random.integers(0, 8, count)).astype(np.uint8)
    return found.tobytes()


def _stretch(data: bytes, random: np.random.Generator) -> tuple[int, int]:
    length = min(len(data), int(2 ** random.uniform(0, np.log2(max(2, len(data) / 2)))))
    first = int(random.integers(0, max(1, len(data) - length + 1)))
    return first, first + length


def _number(random: np.random.Generator, size: int) -> bytes:
    value = int(random.choice(ABSURD)) & (1 << 8 * size) - 1
    return value.to_bytes(size, "big" if random.random() < 0.7 else "little")


def _replace_bytes(data: bytes, at: int, new: bytes) -> bytes:
    return (data[:at] + new + data[at + len(new) :])[: max(len(data), 1)]


def _boxes(data: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """First byte and end of each MP4 box, those inside others included; none where there are none."""
    while first + 8 <= last:
        size, kind = int.from_bytes(data[first : first + 4], "big"), data[first + 4 : first + 8]
        if size < 8 or first + size > last or not re.fullmatch(rb"[ -~\xa9]{4}", kind):
            return
        yield first, first + size
        if kind in BOXES:
            yield from _boxes(data, first + 8, first + size)
        first += size
