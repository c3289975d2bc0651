"""A sheet of a swap: frames of the input above, the same of the output below."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.faceset.plots.drawing import write_png
from effigie.media import VideoReader

COLUMNS, SHEET_HEIGHT = 6, 300


def write_comparison_sheet(path: Path, before: Path, after: Path, columns: int = COLUMNS) -> None:
    """Write a PNG of frames spread over the clip: the input above, the output below."""
    with VideoReader(before) as reader:
        count = sum(1 for _ in reader)
    wanted = set(np.linspace(0, count - 1, columns).astype(int).tolist())
    pairs = []
    with VideoReader(before) as first, VideoReader(after) as second:
        for a, b in zip(first, second, strict=False):
            if a.index in wanted:
                pairs.append(np.concatenate([_to_square(a.image), _to_square(b.image)], axis=0))
    write_png(path, np.concatenate(pairs, axis=1))


def _to_square(image: Image) -> Image:
    """At the sheet's height, a square from the middle."""
    height, width = image.shape[:2]
    left, top = max(0, (width - height) // 2), max(0, (height - width) // 2)
    square = image[top : top + min(height, width), left : left + min(height, width)]
    return cv2.resize(square, (SHEET_HEIGHT, SHEET_HEIGHT), interpolation=cv2.INTER_AREA)
