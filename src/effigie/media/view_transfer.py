"""Transfers by which scene-linear pictures are shown to trackers and networks, each with its exact inverse.

The curves go on above 1 and below 0, so that what is brighter than white can be edited and comes back.
"""

from __future__ import annotations

import functools
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating[Any]]
ViewTransfer = Literal["srgb", "gamma22", "gamma24", "raw"]
VIEW_TRANSFERS = get_args(ViewTransfer)
H273_NAMES = {"srgb": "iec61966-2-1", "gamma22": "gamma22", "gamma24": "unspecified", "raw": "unspecified"}
"""Of pictures that were written as they are shown."""
LARGEST = 65504.0  # of half floats; infinities are shown as this
_GAMMAS = {"gamma22": 2.2, "gamma24": 2.4}


class ViewCurve:
    """A strictly rising curve from scene-linear values to R'G'B' of 0..1 and beyond, and back."""

    white = 1.0

    def __init__(self, transfer: ViewTransfer) -> None:
        self.transfer = transfer

    def show(self, light: Values) -> NDArray[np.float32]:
        """R'G'B' of any shape for scene-linear values; 0 for what is no number."""
        known = np.nan_to_num(np.asarray(light, np.float32), nan=0.0, posinf=LARGEST, neginf=-LARGEST)
        if self.transfer == "raw":
            return known
        if self.transfer == "srgb":
            power = 1.055 * np.maximum(known, 0.0031308) ** np.float32(1 / 2.4) - 0.055
            return np.where(known <= 0.0031308, 12.92 * known, power).astype(np.float32)
        return np.copysign(np.abs(known) ** np.float32(1 / _GAMMAS[self.transfer]), known).astype(np.float32)

    def restore(self, shown: Values) -> NDArray[np.float32]:
        """Scene-linear values for R'G'B' of any shape: the inverse of :meth:`show`."""
        if self.transfer == "raw":
            return np.asarray(shown, np.float32)
        if self.transfer == "srgb":
            power = ((np.maximum(shown, 0.04045) + 0.055) / 1.055) ** np.float32(2.4)
            return np.where(shown <= 0.04045, shown / np.float32(12.92), power).astype(np.float32)
        return np.copysign(np.abs(shown) ** np.float32(_GAMMAS[self.transfer]), shown).astype(np.float32)

    @functools.cached_property
    def bytes_table(self) -> NDArray[np.uint8]:
        """(65536,) what is shown, in whole levels, of every half float by its bits."""
        with np.errstate(invalid="ignore", over="ignore"):
            light = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
            return np.rint(255 * np.clip(self.show(light), 0, 1)).astype(np.uint8)


@functools.cache
def find_view_curve(transfer: ViewTransfer) -> ViewCurve:
    """The curve of a transfer."""
    return ViewCurve(transfer)
