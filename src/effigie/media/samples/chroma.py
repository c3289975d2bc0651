"""Color samples that stand for several pixels: where they lie, and the way there and back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from effigie.media.clip import ColorSpace
from effigie.media.samples.pixel_layout import PixelLayout, Samples, find_layout

Picture = NDArray[np.float32]


class Sites(NamedTuple):
    """Where a color sample lies among its pixels: on the first of them (0), in their middle (1), on the last (2)."""

    across: float
    down: float


LOCATIONS = {
    (0.0, 0.5): "left",
    (0.0, 0.0): "topleft",
    (0.5, 0.0): "top",
    (0.5, 0.5): "center",
    (0.0, 1.0): "bottomleft",
    (0.5, 1.0): "bottom",
}
"""Names of FFmpeg by where a sample of 4:2:0 lies, in pixels to the right of and below its first one."""


def find_sites(layout: PixelLayout, color: ColorSpace, location: str = "unspecified") -> Sites:
    """The places of a format's color samples: those that a stream declares, or the usual ones.

    4:2:0 lies at the left (MPEG-2 and after), of wide gamut HDR at the top left (ITU-R BT.2100), of JPEG in the middle.

    Args:
        location: of :func:`measure_location`.
    """
    if (layout.across, layout.down) == (2, 2) and location != "unspecified":
        across, down = next(place for place, name in LOCATIONS.items() if name == location)
        return Sites(2 * across, 2 * down)
    if layout.name.startswith("yuvj"):
        return Sites(1.0 if layout.down > 1 else 0.0, 1.0)
    hdr = color.transfer in ("smpte2084", "arib-std-b67")
    return Sites(0.0, 0.0 if hdr or layout.across == 1 else 1.0)


def measure_location(frame: VideoFrame) -> str:
    """Where a 4:2:0 frame says that its color samples lie, by FFmpeg's name; "unspecified" for other frames.

    PyAV does not tell, but FFmpeg's scaler obeys: one sample is set, and looked for among pixels. The middle is what
    the scaler takes where nothing is said, and does not count as said.

    Args:
        frame: taken over, its samples are lost.
    """
    layout = find_layout(frame.format.name)
    pixels = find_layout("yuv444p")
    assert pixels is not None
    if layout is None or (layout.across, layout.down) != (2, 2) or min(frame.width, frame.height) < 8:
        return "unspecified"
    frame.make_writable()
    for letter in layout.components:
        layout.view(frame, letter)[...] = 1 << (layout.bits + layout.shift - 1)
    row, column = frame.height // 4, frame.width // 4
    layout.view(frame, "u")[row, column] = (1 << layout.bits) - (1 << layout.bits - 3) << layout.shift
    wide = VideoReformatter().reformat(frame, format="yuv444p", interpolation=Interpolation.BILINEAR, threads=1)
    patch = pixels.view(wide, "u")[2 * row - 2 : 2 * row + 4, 2 * column - 2 : 2 * column + 4].astype(float) - 128
    down, across = np.mgrid[-2:4, -2:4][:, : patch.shape[0], : patch.shape[1]]
    total = patch.sum()
    if total <= 0:
        return "unspecified"
    place = tuple(round(2 * float((patch * axis).sum() / total)) / 2 for axis in (across, down))
    name = LOCATIONS.get((place[0], place[1]), "unspecified")
    return "unspecified" if name == "center" else name


def upsample(
    values: Callable[[str, slice, slice], Samples],
    letter: str,
    rows: slice,
    columns: slice,
    layout: PixelLayout,
    sites: Sites,
) -> Picture:
    """(h, w) float32: a color component at the pixels of a box, linearly between its samples.

    Args:
        values: reads a component's samples in rows and columns of its plane.
    """
    if layout.across == layout.down == 1:
        return values(letter, rows, columns).astype(np.float32)
    (top, y), (left, x) = (
        _locate(span, step, site)
        for span, step, site in ((rows, layout.down, sites.down), (columns, layout.across, sites.across))
    )
    part = values(
        letter, slice(top, (rows.stop - 1) // layout.down + 2), slice(left, (columns.stop - 1) // layout.across + 2)
    ).astype(np.float32)
    matrix = np.array([[1 / layout.across, 0, x], [0, 1 / layout.down, y]])
    size = columns.stop - columns.start, rows.stop - rows.start
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _locate(span: slice, step: int, site: float) -> tuple[int, float]:
    """The first sample to read for a span of pixels, and where among those read its first pixel lies."""
    place = (span.start - site * (step - 1) / 2) / step
    first = max(0, span.start // step - 1)
    return first, place - first


def downsample(
    change: Picture,
    changed: NDArray[np.bool_],
    rows: slice,
    columns: slice,
    size: tuple[int, int],
    layout: PixelLayout,
    sites: Sites,
) -> tuple[tuple[slice, slice], Picture]:
    """The change of the color samples: their box in the planes, and (h, w, 2) float32 for it.

    A sample changes only if one of the pixels that it stands for is ``changed``.

    Args:
        change: (h, w, 2) of a box of pixels, 0 where nothing ``changed``.
        size: height and width of the picture in pixels.
    """
    down, across = layout.down, layout.across
    if down == across == 1:
        return (rows, columns), change
    box = tuple(slice(span.start // step, -(-span.stop // step)) for span, step in ((rows, down), (columns, across)))
    # Whole samples, and a sample's pixels around them: beyond the picture its edge goes on, beyond the box nothing is.
    lead = rows.start - (box[0].start - 1) * down, columns.start - (box[1].start - 1) * across
    tail = (box[0].stop + 1) * down - rows.stop, (box[1].stop + 1) * across - columns.stop
    edge_flags = (rows.start == 0, rows.stop == size[0], columns.start == 0, columns.stop == size[1])
    sides = (lead[0], tail[0], lead[1], tail[1])
    edges = tuple(side if is_edge else 0 for side, is_edge in zip(sides, edge_flags, strict=True))
    zeros = tuple(side - edge for side, edge in zip(sides, edges, strict=True))
    padded = _surround(_surround(change, edges, cv2.BORDER_REPLICATE), zeros, cv2.BORDER_CONSTANT)
    counts = box[0].stop - box[0].start, box[1].stop - box[1].start
    small = _average(_average(padded, 0, down, sites.down, counts[0]), 1, across, sites.across, counts[1])
    touched = _surround(changed.view(np.uint8), sides, cv2.BORDER_CONSTANT)
    for axis, (step, count) in enumerate(zip((down, across), counts, strict=True)):
        touched = functools.reduce(
            cv2.max, (_take(touched, axis, step, step + offset, count) for offset in range(step))
        )
    return (box[0], box[1]), cv2.copyTo(small, touched)


def _surround(values: NDArray[Any], sides: tuple[int, ...], border: int) -> NDArray[Any]:
    top, bottom, left, right = sides
    return np.asarray(cv2.copyMakeBorder(values, top, bottom, left, right, borderType=border))


def _take(values: NDArray[Any], axis: int, step: int, start: int, count: int) -> NDArray[Any]:
    """Every ``step``-th row or column, ``count`` of them, contiguous."""
    index = slice(start, start + (count - 1) * step + 1, step)
    return np.ascontiguousarray(values[index] if axis == 0 else values[:, index])


def _average(values: Picture, axis: int, step: int, site: float, count: int) -> Picture:
    """Filter and take every ``step``-th of ``values``, which begin one sample's pixels before the first sample."""
    if step == 1:
        return _take(values, axis, 1, 1, count)
    if site == 1:
        weights = dict.fromkeys(range(step), 1 / step)
    else:  # on the first pixel or the last: the pixels around it, the nearer the more
        middle = 0 if site == 0 else step - 1
        weights = {middle + offset: (step - abs(offset)) / step**2 for offset in range(1 - step, step)}
    total = np.zeros(0, np.float32)
    for number, (offset, weight) in enumerate(weights.items()):
        part = _take(values, axis, step, step + offset, count)
        total = np.multiply(part, np.float32(weight)) if number == 0 else cv2.scaleAdd(part, weight, total)
    return np.asarray(total, np.float32)
