"""The frame that faces are composed into: what it shows, its pixels in float, and what was changed of them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.compositing.region import Region, to_float_image
from effigie.edit import Edit

Picture = NDArray[np.float32]

# Where a made face is this near to an end of the range, the footage's pixels keep what they have beyond it.
HEADROOM = 0.1


class Canvas:
    """A frame, and the edits made to it so far.

    Args:
        image: (H, W, 3) uint8 RGB; stays as it is.
        read: gives (h, w, 3) float32 of rows and columns of the footage, finer than ``image`` and beyond 0..1 where
            the footage is; None takes those of ``image``.

    Attributes:
        image: (H, W, 3) uint8, the frame as it is now.
        edits: what was changed, in order.
    """

    def __init__(self, image: NDArray[np.uint8], read: Callable[[slice, slice], Picture] | None = None) -> None:
        self.image = image
        self.edits: list[Edit] = []
        self._original, self._read = image, read

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, 3)."""
        return self.image.shape

    def crop(self, region: Region) -> Picture:
        """(h, w, 3) float32: the region as it is now, 0..1 and beyond."""
        rows, columns = slice(region.top, region.bottom), slice(region.left, region.right)
        if self._read is None:
            picture = to_float_image(self._original[rows, columns])
        else:
            picture = np.ascontiguousarray(self._read(rows, columns))
        for edit in self.edits:
            top, bottom = max(rows.start, edit.rows.start), min(rows.stop, edit.rows.stop)
            left, right = max(columns.start, edit.columns.start), min(columns.stop, edit.columns.stop)
            if top < bottom and left < right:
                source = slice(top - edit.top, bottom - edit.top), slice(left - edit.left, right - edit.left)
                target = picture[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start]
                np.copyto(target, edit.output[source], where=edit.share[source][..., None] > 0)
        return picture

    def paste(self, region: Region, original: Picture, pixels: Picture, mask: NDArray[np.float32]) -> None:
        """Change the region where ``mask`` > 0, and nowhere else.

        Args:
            original: (h, w, 3) of :meth:`crop`.
            pixels: (h, w, 3) float32 that shall be there, made for ``original`` within 0..1.
            mask: (h, w) float32 in 0..1, how much of the pixels is new.
        """
        changed = (mask > 0).view(np.uint8)
        output = cv2.copyTo(_restore_headroom(original, pixels, mask), changed, original.copy())
        self.edits.append(Edit(region.top, region.left, original, output, mask))
        self.image = self.image.copy()
        region.paste(self.image, pixels, mask)


def _restore_headroom(original: Picture, pixels: Picture, mask: NDArray[np.float32]) -> Picture:
    """The pixels with what the footage has beyond 0..1: in full where it stays, and where the new is as bright."""
    if original.min() >= 0 and original.max() <= 1:
        return pixels
    places = np.nonzero(cv2.inRange(original, (0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0)) == 0)
    excess = original[places] - np.clip(original[places], 0, 1)
    new = pixels[places]
    fade = np.where(excess > 0, new - (1 - HEADROOM), HEADROOM - new) / HEADROOM
    headroom_share = 1 - mask[places][:, None] * (1 - np.clip(fade, 0, 1))
    restored = pixels.copy()
    restored[places] += (excess * headroom_share).astype(np.float32)
    return restored
