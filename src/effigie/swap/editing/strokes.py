"""Strokes of a brush on the masks of made faces. They lie in the face's crop, and so go with the head.

A crop is fixed to the skull: where it goes, how large it is and how it leans, paint follows. A head that turns far
shows another side to the same place of its crop; there another range of frames wants other strokes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from effigie.compositing.paint import MaskPaint
from effigie.errors import UsageError

MODES = ("erase", "add")
SIZES = 0.004, 0.6
MAX_POINTS = 4000
MAX_KEPT = 8  # masks of the paint that was looked at last
PRECISION = 16  # parts of a pixel in which lines are drawn
BITS = 4


@dataclass(frozen=True)
class Stroke:
    """One stroke of a brush. Lengths are shares of the side of the face's crop.

    Attributes:
        points: x and y one after the other, 0..1 from the crop's left and top.
        first, last: frames that it is painted on, counted from 0, both included; ``last`` None is the clip's end.
        mode: ``erase`` leaves the footage there, ``add`` shows the made face.
        size: width of the brush.
        softness: 0..1, how much of the brush fades toward its edge.
        model: name of the model's folder on whose faces it is painted; None on everybody's.
    """

    points: tuple[float, ...]
    first: int = 0
    last: int | None = None
    mode: Literal["erase", "add"] = "erase"
    size: float = field(default=0.06, metadata={"range": SIZES})
    softness: float = field(default=0.5, metadata={"range": (0.0, 1.0)})
    model: str | None = None

    def __post_init__(self) -> None:
        if len(self.points) < 2 or len(self.points) % 2 or len(self.points) > 2 * MAX_POINTS:
            raise UsageError(f"a stroke has an x and a y for each of 1 to {MAX_POINTS} points")
        if not all(-1 <= value <= 2 for value in self.points):
            raise UsageError("a stroke's points lie in the face's crop, from 0 to 1, or not far beyond it")
        if self.mode not in MODES:
            raise UsageError(f"a stroke's mode is erase or add, not {self.mode!r}")
        if not SIZES[0] <= self.size <= SIZES[1] or not 0 <= self.softness <= 1:
            raise UsageError(f"a stroke's size is {SIZES[0]:g} to {SIZES[1]:g} of the crop, its softness 0 to 1")
        if self.first < 0 or (self.last is not None and self.last < self.first):
            raise UsageError(f"a stroke cannot be on frames {self.first} to {self.last}")

    def covers(self, frame: int, model: str) -> bool:
        """Whether it is painted on a model's face in a frame."""
        inside = self.first <= frame and (self.last is None or frame <= self.last)
        return inside and self.model in (None, model)


class PaintSchedule:
    """What is painted on whose face in which frame. The same strokes give the very same paint.

    Args:
        strokes: in the order in which they were painted.
    """

    def __init__(self, strokes: Sequence[Stroke] = ()) -> None:
        self._strokes = tuple(strokes)
        self._paints: OrderedDict[tuple[tuple[int, ...], int], MaskPaint] = OrderedDict()

    def __call__(self, frame: int, model: str, side: int) -> MaskPaint | None:
        """The paint on a crop of ``side`` px; None where there is none."""
        if not self._strokes:
            return None
        numbers = tuple(number for number, stroke in enumerate(self._strokes) if stroke.covers(frame, model))
        if not numbers:
            return None
        key = numbers, side
        if key not in self._paints:
            self._paints[key] = rasterize([self._strokes[number] for number in numbers], side)
            while len(self._paints) > MAX_KEPT:
                self._paints.popitem(last=False)
        self._paints.move_to_end(key)
        return self._paints[key]


def rasterize(strokes: Sequence[Stroke], side: int) -> MaskPaint:
    """The paint of strokes, one over the other, on a crop of ``side`` px."""
    keep, add = np.ones((side, side), np.float32), np.zeros((side, side), np.float32)
    for stroke in strokes:
        cover = _draw(stroke, side)
        keep *= 1 - cover
        add *= 1 - cover
        if stroke.mode == "add":
            add += cover
    # Beyond the border there is no made face.
    add[[0, -1]] = 0
    add[:, [0, -1]] = 0
    return MaskPaint(keep, add)


def _draw(stroke: Stroke, side: int) -> np.ndarray:
    """(side, side) float32 in 0..1: how much of each pixel a stroke covers."""
    line = np.full((side, side), 255, np.uint8)
    points = np.asarray(stroke.points, np.float64).reshape(-1, 2) * side - 0.5
    path = np.rint(np.vstack([points, points[-1:]]) * PRECISION).astype(np.int32)  # a dot is a line, too
    cv2.polylines(line, [path[:, None]], False, 0, 1, cv2.LINE_8, BITS)
    if line.all():  # outside
        return np.zeros((side, side), np.float32)
    distance = cv2.distanceTransform(line, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    radius = max(stroke.size * side / 2, 0.5)
    fade = max(stroke.softness * radius, 1.0)
    share = np.clip((radius + 0.5 - distance) / fade, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
