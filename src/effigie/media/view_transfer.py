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
        values = np.nan_to_num(np.asarray(light, np.float32), nan=0.0, posinf=LARGEST, neginf=-LARGEST)
        if self.transfer == "raw":
            return values
        if self.transfer == "srgb":
            power = 1.055 * np.maximum(values, 0.0031308) ** np.float32(1 / 2.4) - 0.055
            return np.where(values <= 0.0031308, 12.92 * values, power).astype(np.float32)
        return np.copysign(np.abs(values) ** np.float32(1 / _GAMMAS[self.transfer]), values).astype(np.float32)

    def restore(self, display: Values) -> NDArray[np.float32]:
        """Scene-linear values for R'G'B' of any shape: the inverse of :meth:`show`."""
        if self.transfer == "raw":
            return np.asarray(display, np.float32)
        if self.transfer == "srgb":
            power = ((np.maximum(display, 0.04045) + 0.055) / 1.055) ** np.float32(2.4)
            return np.where(display <= 0.04045, display / np.float32(12.92), power).astype(np.float32)
        return np.copysign(np.abs(display) ** np.float32(_GAMMAS[self.transfer]), display).astype(np.float32)

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
