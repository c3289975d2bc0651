"""Smoothing in time, of statistics and of the made face itself.

Times are seconds, so variable frame rate needs no special case. A filter forgets what it knew on ``reset()``, which the
caller owes it at a cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.compositing.window import CropWindow
from effigie.errors import UsageError

Time = Fraction | float
Picture = NDArray[np.float32]
Array = NDArray[Any]
# px a side at which motion is measured, at most. A tenth of a pixel at 128 was a half in a large face, and what had
# been sharpened trembled: half of all its flicker.
MAX_FLOW_SIZE = 320
COMPARISON_SIZE = 128  # px a side at which pictures are compared for news: finer, a codec's noise passes for it
REPEAT_SHARE = 0.97  # share of the previous result where the footage did not change at all
REPEAT_TOLERANCE = 0.35  # grey levels of 255 left after motion: less is a repeated frame, more is news


class ExponentialAverage:
    """An exponential average of an array with a time constant.

    Args:
        time_constant: s until 63 % of a step has come through; 0 switches the filter off.
    """

    STEP = 1 / 25  # s, assumed between values that carry no time

    def __init__(self, time_constant: float) -> None:
        if time_constant < 0:
            raise UsageError(f"a time constant is >= 0 s, got {time_constant}")
        self.time_constant = time_constant
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next value passes unchanged."""
        self._time: float | None = None
        self._value: Array | None = None

    def __call__(self, value: Array, time: Time | None = None, min_weight: float = 0.0) -> Array:
        """The average so far. ``min_weight`` in 0..1 is the least weight of the new value: 1 takes it whole."""
        average, seconds = self._value, None if time is None else float(time)
        elapsed = self.STEP if seconds is None or self._time is None else seconds - self._time
        if average is None or average.shape != value.shape or elapsed <= 0 or self.time_constant == 0:
            self._time, self._value = seconds, value
            return value
        share = max(1 - math.exp(-elapsed / self.time_constant), min(min_weight, 1.0))
        self._time, self._value = seconds, average + (value - average) * value.dtype.type(share)
        return self._value


class MotionCompensatedFilter:
    """Mixes the previous result into a new made face, in crop space.

    Alignment has taken the head's rigid motion out already; the rest is measured on the footage (DIS optical flow),
    whose motion the made face shares. The previous result is mixed in only where it agrees with the new face after a
    small blur, so that what changes (teeth, lids, gaze) leaves no ghost. Where the footage itself repeats (webcams and
    films brought to a higher rate show most pictures twice), the made face repeats too: whatever differs there is the
    measurement's trembling.

    Args:
        strength: 0..1, share of the previous result at 25 frames/s where both agree; 0 switches it off.
        tolerance: 0..1 grey levels, the difference at which the share has fallen to 37 %.
    """

    def __init__(self, strength: float = 0.5, tolerance: float = 0.02) -> None:
        if not 0 <= strength < 1 or tolerance <= 0:
            values = f"{strength} and {tolerance}"
            raise UsageError(f"temporal strength is 0..1 (below 1), tolerance > 0; got {values}")
        self.strength, self.tolerance = strength, tolerance
        self._flow: Any = None
        self.reset()

    def reset(self) -> None:
        """Forget the previous face."""
        self._time: float | None = None
        self._previous: _Previous | None = None

    def __call__(
        self,
        face: Picture,
        time: Time | None = None,
        footage: NDArray[np.uint8] | None = None,
        window: CropWindow | None = None,
        side: int | None = None,
    ) -> Picture:
        """The filtered face, (h, w, 3) float32 in 0..1 as it came in.

        Args:
            face: what ``window`` shows of the crop of ``side`` px a side; without a window all of it.
            footage: (F, F) uint8 grey, the footage in the same crop, F best the face's own size up to
                :data:`MAX_FLOW_SIZE`; without it nothing is carried along but by the crop itself.
        """
        window, side = window or CropWindow.whole(), side or face.shape[0]
        previous, seconds = self._previous, None if time is None else float(time)
        elapsed = ExponentialAverage.STEP if seconds is None or self._time is None else seconds - self._time
        self._time, self._previous = seconds, _Previous(face, window, side, footage)
        if self.strength == 0 or previous is None or elapsed <= 0:
            return face
        flow = residual = None
        if previous.footage is not None and footage is not None:
            flow, residual = self._measure_motion(previous.footage, footage, window, side)
        moved = _carry_along(previous, window, side, flow)
        # Pictures are compared at COMPARISON_SIZE for the whole crop.
        size = window.size(min(side, COMPARISON_SIZE))
        change = cv2.subtract(moved, face, dst=None if moved is previous.face else moved)
        share = np.float32(self.strength ** (elapsed / ExponentialAverage.STEP)) * self._agreement(change, size)
        if residual is not None:
            repeats = np.exp(-((cv2.resize(residual, size) / REPEAT_TOLERANCE) ** 2))
            share += repeats * (np.maximum(REPEAT_SHARE, share) - share)
        share = cv2.resize(share, face.shape[1::-1])
        result = cv2.multiply(change, cv2.merge([share] * 3), dst=change)
        result = cv2.add(face, result, dst=result)
        self._previous = _Previous(result, window, side, footage)
        return np.asarray(result, np.float32)

    def _agreement(self, change: Picture, size: tuple[int, int]) -> Picture:
        """0..1, at ``size`` (width, height): 1 where faces differing by ``change`` agree."""
        change = _shrink(change, size)
        side = 3  # px, about a fortieth of COMPARISON_SIZE
        gray = cv2.cvtColor(np.abs(cv2.blur(change, (side, side))), cv2.COLOR_RGB2GRAY)
        return np.exp(-((cv2.blur(gray, (side, side)) / self.tolerance) ** 2))

    def _measure_motion(
        self, previous: NDArray[np.uint8], footage: NDArray[np.uint8], window: CropWindow, side: int
    ) -> tuple[Picture | None, Picture]:
        """Where the footage in the window was in the previous crop, and what of it no motion explains.

        The first is (h, w, 2) float32 px of the crop of ``side`` px, None where nothing has moved; the second float32
        in levels of 255, averaged over a neighbourhood, for the window of a crop of at most ``COMPARISON_SIZE``.
        """
        if previous.shape != footage.shape:
            previous = cv2.resize(previous, footage.shape[::-1], interpolation=cv2.INTER_AREA)
        box, size = window.pixels(footage.shape[0]), window.size(min(footage.shape[0], COMPARISON_SIZE))
        footage, previous = (np.ascontiguousarray(picture[box]) for picture in (footage, previous))
        residual = _compare(footage, previous, size)
        if residual.max() < REPEAT_TOLERANCE:  # a repeated frame, whose motion would be noise
            return None, residual
        if self._flow is None:
            # The preset in half its time. With one refinement instead of three a millisecond less, and up to a
            # thirtieth more flicker.
            self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
            self._flow.setPatchStride(4)
            self._flow.setGradientDescentIterations(12)
            self._flow.setVariationalRefinementIterations(3)
        flow = self._flow.calc(footage, previous, None)
        residual = _compare(footage, _warp_by_flow(previous, flow, cv2.INTER_LINEAR), size)
        scale = window.size(side)[0] / footage.shape[1]
        return (flow if scale == 1 else cv2.resize(flow * np.float32(scale), window.size(side))), residual


@dataclass(frozen=True, eq=False)
class _Previous:
    """A filtered face (h, w, 3), the window of the crop that it fills, the crop's side, and the footage there."""

    face: Picture
    window: CropWindow
    side: int
    footage: NDArray[np.uint8] | None


def _carry_along(previous: _Previous, window: CropWindow, side: int, flow: Picture | None) -> Picture:
    """The previous face in the window of a crop of ``side`` px, moved along the flow; itself if nothing moves."""
    face = previous.face
    if previous.side != side:
        factor = side / previous.side
        face = cv2.resize(face, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    (rows, columns), (old_rows, old_columns) = window.pixels(side), previous.window.pixels(side)
    shift = columns.start - old_columns.start, rows.start - old_rows.start
    if flow is None:
        if shift == (0, 0) and face.shape[1::-1] == window.size(side):
            return face
        flow = np.zeros((*window.size(side)[::-1], 2), np.float32)
    # Carried on from frame to frame, it would be blurred by anything less than cubic.
    return _warp_by_flow(face, flow, cv2.INTER_CUBIC, shift)


def _compare(first: NDArray[np.uint8], second: NDArray[np.uint8], size: tuple[int, int]) -> Picture:
    """float32 in levels of 255: the difference of two pictures around each place, at ``size`` (width, height)."""
    return cv2.blur(cv2.absdiff(_shrink(first, size), _shrink(second, size)).astype(np.float32), (9, 9))


def _shrink(picture: Array, size: tuple[int, int]) -> Array:
    return picture if picture.shape[1::-1] == size else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _warp_by_flow(picture: Array, flow: Array, interpolation: int, shift: tuple[int, int] = (0, 0)) -> Array:
    """(h, w[, 3]) taken at each pixel from where (h, w, 2) ``flow`` says it was, ``shift`` (x, y) px farther on."""
    x, y = (np.arange(side, dtype=np.float32) + start for side, start in zip(flow.shape[1::-1], shift, strict=True))
    return cv2.remap(
        picture, x + flow[..., 0], y[:, None] + flow[..., 1], interpolation, borderMode=cv2.BORDER_REPLICATE
    )
