"""An edit: what was changed of a box of a picture, and nothing about the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Edit:
    """A change of one box of a picture, in the pixels that are shown (upright).

    Values are R'G'B' float32 in 0..1 and beyond: above white and outside of the gamut nothing is cut off.

    Attributes:
        top, left: px of the box's first row and column.
        input: (h, w, 3) what the box showed.
        output: (h, w, 3) what it shows now; equal to ``input`` wherever ``share`` is 0.
        share: (h, w) float32 in 0..1, how much of what it shows is new.
        field: of an interlaced picture the field that alone is changed, 0 (even lines) or 1; None for all lines.
    """

    top: int
    left: int
    input: NDArray[np.float32]
    output: NDArray[np.float32]
    share: NDArray[np.float32]
    field: int | None = None

    @property
    def rows(self) -> slice:
        return slice(self.top, self.top + self.input.shape[0])

    @property
    def columns(self) -> slice:
        return slice(self.left, self.left + self.input.shape[1])
