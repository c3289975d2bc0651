"""Pixels that are not square: pictures as wide as they are shown, and edits of those brought back to the file's pixels.

Faces are measured, learned and made in square pixels. The longer side of a pixel is divided: nothing is averaged away.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]

MAX_ASPECT = 4  # times; a file that claims more is not believed
TOLERANCE = Fraction(1, 100)  # of the aspect: nobody sees less, and every picture would have to be resampled


def compute_square_size(width: int, height: int, aspect: Fraction, max_side: int) -> tuple[int, int]:
    """Width and height in square pixels of a picture whose pixels are ``aspect`` times as wide as high.

    Its own where they are square within 1 %, or where it would become larger than ``max_side``.
    """
    if abs(aspect - 1) <= TOLERANCE or not Fraction(1, MAX_ASPECT) <= aspect <= MAX_ASPECT:
        return width, height
    wide, high = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    return (wide, high) if max(wide, high) <= max_side else (width, height)


@dataclass(frozen=True)
class PixelGrid:
    """The grid of square pixels that are shown, over the upright grid of the file's pixels, never a coarser one.

    Attributes:
        file, display: (width, height).
    """

    file: tuple[int, int]
    display: tuple[int, int]

    @property
    def is_same(self) -> bool:
        return self.file == self.display

    def cover(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """Rows and columns of the file's pixels that a box of shown ones touches."""
        return (_cover(rows, self.file[1], self.display[1]), _cover(columns, self.file[0], self.display[0]))

    def stretch(self, picture: Picture, covered: tuple[slice, slice], rows: slice, columns: slice) -> Picture:
        """A box of shown pixels, out of the file's pixels that lie in ``covered``; between them linearly."""
        across, down = self.file[0] / self.display[0], self.file[1] / self.display[1]
        left = (columns.start + 0.5) * across - 0.5 - covered[1].start
        top = (rows.start + 0.5) * down - 0.5 - covered[0].start
        size = columns.stop - columns.start, rows.stop - rows.start
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = np.array([[across, 0, left], [0, down, top]])
        return np.asarray(
            cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    def average(self, values: Picture, rows: slice, columns: slice) -> Picture:
        """The mean over each of the file's pixels that a box of shown ones touches; beyond the box values are 0.

        Args:
            values: (h, w) or (h, w, C) of the box.
        """
        down = _area_weights(rows.start, rows.stop, self.file[1], self.display[1])
        across = _area_weights(columns.start, columns.stop, self.file[0], self.display[0])
        averaged = np.tensordot(down, values, axes=(1, 0))
        return np.ascontiguousarray(np.moveaxis(np.tensordot(across, averaged, axes=(1, 1)), 0, 1), np.float32)


def _cover(span: slice, file: int, display: int) -> slice:
    return slice(span.start * file // display, -(-span.stop * file // display))


@functools.lru_cache(maxsize=32)
def _area_weights(start: int, stop: int, file: int, display: int) -> Picture:
    """(n, stop - start): how much of each covered pixel of the file every shown pixel is."""
    covered = _cover(slice(start, stop), file, display)
    scale = display / file
    low = np.arange(covered.start, covered.stop)[:, None] * scale
    places = np.arange(start, stop)[None]
    overlap = np.minimum(low + scale, places + 1) - np.maximum(low, places)
    return (np.maximum(overlap, 0) / scale).astype(np.float32)
