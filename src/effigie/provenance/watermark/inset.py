"""Insets: where a clip is shown in a part of another picture, or between bars, found by straight edges that stay.

An inset's border is sharp within a pixel or two, parallel to the picture's sides, and at the same place in all frames;
the edges of what is filmed are softer, or move. A window that was filmed may look alike: then it is read in vain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

FRAMES = 16  # of the clip's, in which edges are looked for
STEP = 10.0  # grey levels: a difference of neighbours that counts in full
MIN_SIDE = 120  # pixels of an inset's shorter side: in fewer hardly any mark is legible, for most of a second's work
MAX_SHARE = 0.92  # of the picture's area; what is larger is read as it lies
NEAR_HALF = 0.01  # by which the halves of a split screen may differ from it
MIN_EDGE = 0.14  # of STEP, on the faintest side, above what is beside it
MARGIN = 4  # pixels from the picture's border within which none is looked for
TOLERANCE = 2  # pixels by which a side may differ and be the same
LINES = 40  # straight edges that are combined, of either direction


@dataclass(frozen=True)
class Inset:
    """A part of a picture, in pixels: columns from ``left`` until before ``right``, rows alike."""

    left: int
    top: int
    right: int
    bottom: int

    def cut(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of (H, W) or (H, W, 3)."""
        return np.ascontiguousarray(picture[self.top : self.bottom, self.left : self.right])

    def describe(self, width: int, height: int) -> str:
        """In words, of a picture of that size."""
        across, down = 100 * (self.right - self.left) / width, 100 * (self.bottom - self.top) / height
        return f"shown in a part of the picture: {across:.0f} % of its width, {down:.0f} % of its height"


def find_insets(frames: Sequence[NDArray[np.uint8]], count: int) -> list[Inset]:
    """The most likely insets of a clip, best first; none where no rectangle has a sharp border.

    Args:
        frames: (H, W) luma, from all over the clip, all of one size.
    """
    sample = frames[:: max(1, len(frames) // FRAMES)][:FRAMES]
    height, width = sample[0].shape
    if min(height, width) < MIN_SIDE:
        return []
    across, down = measure_edges(sample, 1), measure_edges(sample, 0).T
    columns, rows = _choose_lines(across), _choose_lines(down)
    left, right = np.triu_indices(len(columns), 1)
    begin, end = columns[left], columns[right]
    wide = end - begin
    # Edges add up along every line, so that a side's sum is a difference of two.
    column_sums, row_sums = _sums(across)[:, columns], _sums(down)[:, rows]
    candidates: list[tuple[float, Inset]] = []
    for first, last in zip(*np.triu_indices(len(rows), 1), strict=True):
        top, bottom = int(rows[first]), int(rows[last])
        if (high := bottom - top) < MIN_SIDE:
            continue
        upright = column_sums[bottom] - column_sums[top]
        sums = np.stack(
            [upright[left], upright[right], *(row_sums[end, row] - row_sums[begin, row] for row in (first, last))]
        )
        lengths = np.stack([np.full_like(wide, high), np.full_like(wide, high), wide, wide])
        is_border = [begin == 0, end == width, np.full(len(wide), top == 0), np.full(len(wide), bottom == height)]
        inside = ~np.stack(is_border)
        sharp = ((sums >= MIN_EDGE * lengths) | ~inside).all(axis=0)
        share = wide * high / (width * height)
        # A single straight edge is common in footage, but seldom where a screen is split in two.
        framed = (inside.sum(axis=0) >= 2) | (np.abs(share - 0.5) < NEAR_HALF)
        usable = sharp & framed & (wide >= MIN_SIDE) & (share <= MAX_SHARE)
        if not usable.any():
            continue
        # What is sharp beyond an inset's corners, and what is not within them, speaks against it alike.
        score = np.where(usable, ((sums - MIN_EDGE * lengths) * inside).sum(axis=0), -np.inf)
        best = int(score.argmax())
        candidates.append((float(score[best]), Inset(int(begin[best]), top, int(end[best]), bottom)))
    candidates.sort(key=lambda one: -one[0])
    return _select_distinct([inset for _, inset in candidates], count)


def measure_edges(frames: Sequence[NDArray[np.uint8]], axis: int) -> Plane:
    """(H, W) of -1 to 1: how sharp an edge lies before every pixel, in all frames, above what is beside it.

    Args:
        frames: (H, W) luma, two pixels or more along the axis.
        axis: 1 for edges that run up and down, 0 for level ones.
    """
    total = np.zeros(frames[0].shape, np.float32)
    current = (slice(None), slice(1, None)) if axis else (slice(1, None), slice(None))
    previous = (slice(None), slice(None, -1)) if axis else (slice(None, -1), slice(None))
    for luma in frames:
        step = cv2.absdiff(luma[current], luma[previous])
        total[current] += np.minimum(step, np.float32(STEP))
    first, second = ((slice(None), place) if axis else (place, slice(None)) for place in (0, 1))
    total[first] = total[second]
    total /= np.float32(STEP * len(frames))
    kernel = np.array([1, 1, 0, 0, 0, 1, 1], np.float32) / 4
    kernel = kernel[None] if axis else kernel[:, None]
    return np.asarray(total - cv2.filter2D(total, -1, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


def _choose_lines(edges: Plane) -> NDArray[np.int64]:
    """Places along the second axis at which most of an edge lies, with both of the picture's borders, in order."""
    strength = np.maximum(edges, 0).sum(axis=0)
    strength[:MARGIN], strength[1 - MARGIN :] = 0, 0
    peaks = strength >= cv2.dilate(strength[None], np.ones((1, 5), np.uint8))[0]
    order = np.argsort(-np.where(peaks, strength, -1))[:LINES]
    return np.unique(np.concatenate([[0], order, [edges.shape[1]]])).astype(np.int64)


def _sums(edges: Plane) -> NDArray[np.float64]:
    """(other side + 1, length + 1) sums of edges along their lines; beyond the last pixel there is none."""
    sums = np.zeros((edges.shape[0] + 1, edges.shape[1] + 1))
    np.cumsum(edges, axis=0, dtype=np.float64, out=sums[1:, :-1])
    return sums


def _select_distinct(insets: Sequence[Inset], count: int) -> list[Inset]:
    """The first of those that differ from each other in two sides or more."""
    selection: list[Inset] = []
    for inset in insets:
        if len(selection) == count:
            break
        if all(_count_equal_sides(inset, previous) < 3 for previous in selection):
            selection.append(inset)
    return selection


def _count_equal_sides(first: Inset, second: Inset) -> int:
    pairs = zip(astuple(first), astuple(second), strict=True)
    return sum(abs(side - counterpart) <= TOLERANCE for side, counterpart in pairs)
