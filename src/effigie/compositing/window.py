"""The part of a square crop that a mask covers, in whole cells of a coarse grid.

What is done to a made face in crop space is done there alone: a mask covers little more than half of its crop. Fields
known on the grid (shading, tints) are enlarged to the same values as if the whole crop were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

GRID = 64  # cells a side of a crop
MARGIN = 1  # cells around the mask's support, for the filters' sake
REACH = 2  # cells beside the window that enlarging a field looks at

PixelBox = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True)
class CropWindow:
    """Rows and columns of cells, half open, of a grid of ``GRID`` cells a side."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def whole(cls) -> CropWindow:
        """The whole crop."""
        return cls(0, 0, GRID, GRID)

    @classmethod
    def from_box(cls, box: tuple[int, int, int, int], side: int) -> CropWindow:
        """The least window around a box whose borders are even pixels of a crop.

        Args:
            box: left, top, right, bottom in px of the crop, half open.
            side: px a side of the crop. Where it has few such borders, the window may be the whole crop.
        """
        if side % 2:
            return cls.whole()
        step = GRID // math.gcd(GRID, side // 2)
        low = [math.floor((edge * GRID / side - MARGIN) / step) * step for edge in (box[1], box[0])]
        high = [math.ceil((edge * GRID / side + MARGIN) / step) * step for edge in (box[3], box[2])]
        return cls(*(max(edge, 0) for edge in low), *(min(edge, GRID) for edge in high))

    @property
    def cells(self) -> PixelBox:
        """Rows and columns of the grid."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def pixels(self, side: int) -> PixelBox:
        """Rows and columns of a picture of the crop of ``side`` px a side."""
        top, left, bottom, right = (edge * side // GRID for edge in (self.top, self.left, self.bottom, self.right))
        return slice(top, bottom), slice(left, right)

    def size(self, side: int) -> tuple[int, int]:
        """Width and height in px of a crop of ``side`` px a side, as OpenCV wants it."""
        rows, columns = self.pixels(side)
        return columns.stop - columns.start, rows.stop - rows.start

    def enlarge(self, field: NDArray[Any], side: int, interpolation: int = cv2.INTER_LINEAR) -> NDArray[np.float32]:
        """A field (GRID, GRID) or (GRID, GRID, C) of the crop, enlarged to ``side`` and cut to the window."""
        if self == CropWindow.whole():
            return np.asarray(cv2.resize(field, (side, side), interpolation=interpolation))
        step = GRID // math.gcd(GRID, side)
        reach = math.ceil(REACH / step) * step
        outer = CropWindow(
            max(self.top - reach, 0),
            max(self.left - reach, 0),
            min(self.bottom + reach, GRID),
            min(self.right + reach, GRID),
        )
        large = cv2.resize(field[outer.cells], outer.size(side), interpolation=interpolation)
        (rows, columns), (outer_rows, outer_columns) = self.pixels(side), outer.pixels(side)
        top, left = rows.start - outer_rows.start, columns.start - outer_columns.start
        width, height = self.size(side)
        return np.asarray(large[top : top + height, left : left + width])
