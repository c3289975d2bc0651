"""HEIC files of tiles, as telephones write them, made box by box (ISO 23008-12) around FFmpeg's packets."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np


def box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def encode_tiles(tiles: list[np.ndarray]) -> tuple[bytes, list[bytes]]:
    """The decoder configuration, and a packet for each of the (H, W, 3) tiles."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        options = {"crf": "4", "preset": "ultrafast", "x265-params": "keyint=1:log-level=error"}
        stream = output.add_stream("libx265", rate=25, options=options)
        stream.height, stream.width = tiles[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.codec_tag = "hvc1"
        for index, tile in enumerate(tiles):
            frame = av.VideoFrame.from_ndarray(tile, "rgb24").reformat(format="yuv420p")
            frame.pts = index
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        stream = container.streams.video[0]
        return bytes(stream.codec_context.extradata), [bytes(p) for p in container.demux(stream) if p.size]


def write_grid(path: Path, image: np.ndarray, tile: int, quarter_turns: int = 0) -> Path:
    """Write an (H, W, 3) picture as a grid of square tiles, which a viewer turns anticlockwise."""
    height, width = image.shape[:2]
    rows, columns = -(-height // tile), -(-width // tile)
    padded = np.pad(image, ((0, rows * tile - height), (0, columns * tile - width), (0, 0)), mode="edge")
    tiles = [
        np.ascontiguousarray(padded[r * tile : (r + 1) * tile, c * tile : (c + 1) * tile])
        for r in range(rows)
        for c in range(columns)
    ]
    configuration, packets = encode_tiles(tiles)
    grid = len(tiles) + 1
    items = [(number, b"hvc1") for number in range(1, grid)] + [(grid, b"grid")]
    entries = [full(b"infe", struct.pack(">HH4sB", number, 0, kind, 0), version=2) for number, kind in items]
    properties = [
        box(b"hvcC", configuration),
        full(b"ispe", struct.pack(">II", tile, tile)),
        full(b"ispe", struct.pack(">II", width, height)),
        box(b"irot", bytes([quarter_turns])),
    ]
    links = [struct.pack(">HBBB", number, 2, 0x81, 0x02) for number in range(1, grid)]
    links.append(struct.pack(">HBBB", grid, 2, 0x03, 0x84))
    shape = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)

    def make_meta(data_start: int) -> bytes:
        places, at = [], data_start
        for number, packet in enumerate(packets, 1):
            places.append(struct.pack(">HHHHII", number, 0, 0, 1, at, len(packet)))
            at += len(packet)
        places.append(struct.pack(">HHHHII", grid, 1, 0, 1, 0, len(shape)))  # within this box, in idat
        return full(
            b"meta",
            full(b"hdlr", struct.pack(">I4s12sB", 0, b"pict", bytes(12), 0)),
            full(b"pitm", struct.pack(">H", grid)),
            full(b"iloc", struct.pack(">BBH", 0x44, 0, len(places)), *places, version=1),
            full(b"iinf", struct.pack(">H", len(entries)), *entries),
            full(b"iref", box(b"dimg", struct.pack(f">HH{len(tiles)}H", grid, len(tiles), *range(1, grid)))),
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", struct.pack(">I", len(links)), *links)),
            box(b"idat", shape),
        )

    kind = box(b"ftyp", b"heic", bytes(4), b"mif1", b"heic")
    meta = make_meta(0)
    data_start = len(kind) + len(meta) + 8
    path.write_bytes(kind + make_meta(data_start) + box(b"mdat", *packets))
    return path
