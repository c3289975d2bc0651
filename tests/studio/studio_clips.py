"""Clips for the studio's tests: every frame shows its own number, as a row of black and white squares."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS = 12
SQUARE = 16  # px
WIDTH, HEIGHT = BITS * SQUARE, 96


def paint_number(number: int) -> np.ndarray:
    """(96, 192, 3) uint8 RGB with the number in binary along the top."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    image[40:, :, 1] = np.arange(WIDTH, dtype=np.uint8)[None] // 2
    for bit in range(BITS):
        image[:SQUARE, bit * SQUARE : (bit + 1) * SQUARE] = 235 if number >> bit & 1 else 20
    return image


def read_number(image: np.ndarray) -> int:
    """The number that a frame shows, from the middles of its squares."""
    scale = image.shape[1] / WIDTH
    row = image[int(SQUARE * scale / 2)]
    return sum(1 << bit for bit in range(BITS) if row[int((bit + 0.5) * SQUARE * scale)].mean() > 128)


def write_clip(
    path: Path,
    frames: int,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    ticks: Sequence[int] | None = None,
) -> Path:
    """A clip of numbered frames; ``ticks``: presentation times in 1/600 s, for a variable rate."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            codec, rate=25, options={"crf": "23", "preset": "ultrafast"} if options is None else options
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        tick = Fraction(1, 600)
        stream.time_base = stream.codec_context.time_base = tick
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(paint_number(number), format="rgb24")
            frame.pts, frame.time_base = (24 * number if ticks is None else ticks[number]), tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
