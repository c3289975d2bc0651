"""What the network abstraction layer of H.264 and HEVC says of a packet, without decoding it."""

from __future__ import annotations

from collections.abc import Iterator

from av.packet import Packet

H264_IDR = 5
H264_SLICES = range(1, 6)
HEVC_IRAP = range(16, 22)


def is_disposable(codec: str, packet: Packet, extradata: bytes) -> bool:
    """Whether no other picture is made from this one, so that it need not be decoded where it is not shown.

    Only H.264 says so of each picture by itself (nal_ref_idc, ITU-T H.264, 7.4.1).
    """
    if codec != "h264":
        return False
    slices = [unit[0] for unit in _nal_units(bytes(packet), _find_prefix(codec, extradata)) if unit]
    slices = [first for first in slices if first & 31 in H264_SLICES]
    return bool(slices) and not any(first >> 5 & 3 for first in slices)


def is_random_access(codec: str, packet: Packet, extradata: bytes) -> bool:
    """Whether every picture shown from this packet on decodes without anything before it."""
    if codec == "h264":
        # A recovery point marked as key may leave later pictures referring to earlier ones: IDR only.
        units = _nal_units(bytes(packet), _find_prefix(codec, extradata))
        return any(unit[0] & 31 == H264_IDR for unit in units)
    if codec == "hevc":
        # Pictures that follow any IRAP in both orders never refer across it (ITU-T H.265, 3.69).
        units = _nal_units(bytes(packet), _find_prefix(codec, extradata))
        return any(unit[0] >> 1 & 63 in HEVC_IRAP for unit in units)
    return True


def _find_prefix(codec: str, extradata: bytes) -> int:
    """Bytes of the length before each unit; 0 where start codes stand instead."""
    place = 4 if codec == "h264" else 21
    return (extradata[place] & 3) + 1 if extradata[:1] == b"\x01" and len(extradata) > place + 1 else 0


def _nal_units(data: bytes, prefix: int) -> Iterator[bytes]:
    """The first bytes of each NAL unit: length-prefixed, or after start codes where ``prefix`` is 0."""
    offset = 0
    while prefix and offset + prefix < len(data):
        length = int.from_bytes(data[offset : offset + prefix], "big")
        yield data[offset + prefix : offset + prefix + 2]
        offset += prefix + length
    while not prefix and (offset := data.find(b"\x00\x00\x01", offset)) >= 0 and offset + 3 < len(data):
        yield data[offset + 3 : offset + 5]
        offset += 3
