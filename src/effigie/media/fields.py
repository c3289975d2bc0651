"""Interlaced footage: frames of two fields, whose lines alternate and which are half a frame's duration apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from effigie.media.samples.pixel_layout import PixelLayout, Samples, find_layout

FieldOrder = Literal["progressive", "top", "bottom"]
"""Whether frames have fields, and if so which of them is the earlier one: that of the even lines (top) or the odd."""

CODES: dict[int, FieldOrder] = {1: "progressive", 2: "top", 3: "bottom", 4: "bottom", 5: "top"}
"""By FFmpeg's number: TT, BB, TB and BT, the last two by the field that is shown first."""

SD_LINES = {480: "bottom", 486: "bottom", 576: "top"}
"""Lines of video that often is interlaced without saying so, and the field order that it usually has."""

SLACK = 0.01  # of the range, by which a line of the other field may leave that of the lines beside it
CELL = 8  # px a side, in which combing is looked for
MIN_COMB = 0.03  # of the range: how much lines of different fields differ, on average, in a cell that is combed
COMB_RATIO = 1.6  # how much more than lines of the same field, which are twice as far from each other, they differ
MIN_COMBED_CELLS = 0.005  # of all cells


def deinterlace(frame: VideoFrame, parity: int) -> VideoFrame:
    """One field of a frame as a whole picture, new: its own lines, and between them those of the other field.

    These are limited to the range of the lines above and below them: what stands still keeps its detail, and where
    something moves no comb is left. Of one frame alone, so that a picture does not depend on where reading began.

    Args:
        frame: of a format with a layout.
        parity: 0 the field of the even lines, 1 of the odd.
    """
    layout = find_layout(frame.format.name)
    assert layout is not None
    picture = VideoFrame(frame.width, frame.height, frame.format.name)
    for letter in layout.components:
        samples = layout.view(frame, letter)
        layout.view(picture, letter)[...] = _limit_other_field(samples, parity, layout)
    return picture


def _limit_other_field(samples: Samples, parity: int, layout: PixelLayout) -> Samples:
    result = np.array(samples)
    own, opposite = samples[parity::2], result[1 - parity :: 2]
    if not len(own) or not len(opposite):
        return result
    # The own lines above and below each of the other's; beyond the picture its first or last goes on.
    places = np.arange(len(opposite)) - parity
    upper, lower = own[np.maximum(places, 0)], own[np.minimum(places + 1, len(own) - 1)]
    low, high = np.minimum(upper, lower), np.maximum(upper, lower)
    slack = max(1, round(SLACK * layout.max_value)) << layout.shift
    top = np.iinfo(samples.dtype).max
    low = np.where(low > slack, low - slack, 0).astype(samples.dtype)
    high = np.where(high < top - slack, high + slack, top).astype(samples.dtype)
    np.clip(opposite, low, high, out=opposite)
    return result


def is_combed(frame: VideoFrame) -> bool:
    """Whether lines that alternate differ as only fields of different times do, somewhere in the picture."""
    levels = np.asarray(frame.to_ndarray(format="gray"), np.float32) / 255
    height, width = (side // (2 * CELL) * 2 * CELL for side in levels.shape)
    if not height or not width:
        return False
    levels = levels[:height, :width]
    line_difference = np.abs(levels[1:-1] - 0.5 * (levels[:-2] + levels[2:]))
    field_difference = np.abs(levels[:-2] - levels[2:])
    size = width // CELL, height // CELL
    line_difference, field_difference = (
        cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (line_difference, field_difference)
    )
    return (
        float(np.mean((line_difference > MIN_COMB) & (line_difference > COMB_RATIO * field_difference)))
        > MIN_COMBED_CELLS
    )


def find_unflagged_order(frames: Iterable[VideoFrame], lines: int) -> FieldOrder:
    """The field order of footage whose stream calls it progressive, or says nothing, by the look of some frames."""
    usual = SD_LINES.get(lines)
    if usual is None:
        return "progressive"
    combed = [is_combed(frame) for frame in frames]
    return usual if sum(combed) >= max(1, len(combed) // 2) else "progressive"  # type: ignore[return-value]


def select_lines(values: NDArray[Any], rows: slice, parity: int) -> tuple[NDArray[Any], slice]:
    """The lines of one field among those of a box, and their rows in that field.

    Args:
        values: (h, ...) of the box.
        rows: of the box in the frame.
    """
    offset = (parity - rows.start) % 2
    lines = values[offset::2]
    first = (rows.start + offset) // 2
    return lines, slice(first, first + len(lines))
