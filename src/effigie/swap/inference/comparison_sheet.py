"""A sheet of a swap: frames of the input above, the same of the output below."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.faceset.plots.drawing import write_png
from effigie.media import VideoReader

COLUMNS, SHEET_HEIGHT = 6, 300
CLEAR_CHANGE = 24  # grey levels: more than marks and codecs change


def write_comparison_sheet(path: Path, input_clip: Path, output_clip: Path, columns: int = COLUMNS) -> None:
    """Write a PNG of frames spread over the clip: the input above, the output below."""
    with VideoReader(output_clip) as reader:  # a quick look is shorter than the clip
        count = sum(1 for _ in reader)
    indices = set(np.linspace(0, count - 1, columns).astype(int).tolist())
    pairs = []
    with VideoReader(input_clip) as input_frames, VideoReader(output_clip) as output_frames:
        for a, b in zip(input_frames, output_frames, strict=False):
            if a.index in indices:
                middle = _find_change(a.image, b.image)
                pairs.append(np.concatenate([_to_square(frame.image, middle) for frame in (a, b)], axis=0))
    write_png(path, np.concatenate(pairs, axis=1))


def _find_change(original: Image, output: Image) -> tuple[int, int]:
    """Row and column in the middle of what differs clearly, or of the picture."""
    changed = np.argwhere(np.abs(original.astype(np.int16) - output).max(2) > CLEAR_CHANGE)
    row, column = np.median(changed, axis=0) if len(changed) else np.array(original.shape[:2]) / 2
    return int(row), int(column)


def _to_square(image: Image, middle: tuple[int, int]) -> Image:
    """At the sheet's height, the largest square of the picture around the middle, as far as it goes."""
    side = min(image.shape[:2])
    top, left = (
        int(np.clip(center - side // 2, 0, extent - side)) for center, extent in zip(middle, image.shape, strict=False)
    )
    square = image[top : top + side, left : left + side]
    return cv2.resize(square, (SHEET_HEIGHT, SHEET_HEIGHT), interpolation=cv2.INTER_AREA)
