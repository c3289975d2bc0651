"""Smoothing in time, of statistics and of the made face itself.

Times are seconds, so variable frame rate needs no special case. A filter forgets what it knew on ``reset()``, which the
caller owes it at a cut.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

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
        known, now = self._value, None if time is None else float(time)
        elapsed = self.STEP if now is None or self._time is None else now - self._time
        if known is None or known.shape != value.shape or elapsed <= 0 or self.time_constant == 0:
            self._time, self._value = now, value
            return value
        share = max(1 - math.exp(-elapsed / self.time_constant), min(min_weight, 1.0))
        self._time, self._value = now, known + (value - known) * value.dtype.type(share)
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
            given = f"{strength} and {tolerance}"
            raise UsageError(f"temporal strength is 0..1 (below 1), tolerance > 0; got {given}")
        self.strength, self.tolerance = strength, tolerance
        self._flow: Any = None
        self.reset()

    def reset(self) -> None:
        """Forget the previous face."""
        self._time: float | None = None
        self._face: Picture | None = None
        self._footage: NDArray[np.uint8] | None = None

    def __call__(self, face: Picture, time: Time | None = None, footage: NDArray[np.uint8] | None = None) -> Picture:
        """The filtered face, (S, S, 3) float32 in 0..1 as it came in.

        Args:
            footage: (F, F) uint8 grey, the footage in the same crop, F best the face's own size up to
                :data:`MAX_FLOW_SIZE`; without it nothing is carried along but by the crop itself.
        """
        previous, previous_footage, now = self._face, self._footage, None if time is None else float(time)
        elapsed = ExponentialAverage.STEP if now is None or self._time is None else now - self._time
        self._time, self._face, self._footage = now, face, footage
        if self.strength == 0 or previous is None or elapsed <= 0:
            return face
        if previous.shape != face.shape:
            previous = cv2.resize(previous, face.shape[1::-1], interpolation=cv2.INTER_AREA)
        residual: Picture | None = None
        if previous_footage is not None and footage is not None:
            previous, residual = self._warp_previous(previous, previous_footage, footage)
        change = previous - face
        share = np.float32(self.strength ** (elapsed / ExponentialAverage.STEP)) * self._agreement(change)
        if residual is not None:
            repeats = np.exp(-((cv2.resize(residual, share.shape[::-1]) / REPEAT_TOLERANCE) ** 2))
            share += repeats * (np.maximum(REPEAT_SHARE, share) - share)
        share = cv2.resize(share, face.shape[1::-1])
        self._face = face + cv2.multiply(change, cv2.merge([share] * 3))
        return self._face

    def _agreement(self, change: Picture) -> Picture:
        """0..1, at the size of :func:`_to_comparison_size`: 1 where faces differing by ``change`` agree."""
        change = _to_comparison_size(change)
        side = max(3, change.shape[0] // 40) | 1
        gray = cv2.cvtColor(np.abs(cv2.blur(change, (side, side))), cv2.COLOR_RGB2GRAY)
        return np.exp(-((cv2.blur(gray, (side, side)) / self.tolerance) ** 2))

    def _warp_previous(
        self, previous: Picture, previous_footage: NDArray[np.uint8], footage: NDArray[np.uint8]
    ) -> tuple[Picture, Picture]:
        """``previous`` moved to where the footage's motion has taken it; what of the footage no motion explains.

        The latter is float32 in levels of 255, averaged over a neighbourhood, at :func:`_to_comparison_size`.
        """
        if self._flow is None:
            # The preset in half its time. With one refinement instead of three a millisecond less, and up to a
            # thirtieth more flicker.
            self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
            self._flow.setPatchStride(4)
            self._flow.setGradientDescentIterations(12)
            self._flow.setVariationalRefinementIterations(3)
        size = previous.shape[0]
        if previous_footage.shape != footage.shape:
            previous_footage = cv2.resize(previous_footage, footage.shape[::-1], interpolation=cv2.INTER_AREA)
        flow = self._flow.calc(footage, previous_footage, None)
        moved = _warp_by_flow(previous_footage, flow, cv2.INTER_LINEAR)
        unexplained = cv2.absdiff(_to_comparison_size(footage), _to_comparison_size(moved))
        residual = cv2.blur(unexplained.astype(np.float32), (9, 9))
        flow = cv2.resize(flow * np.float32(size / footage.shape[0]), (size, size))
        # Carried on from frame to frame, it would be blurred by anything less than cubic.
        return _warp_by_flow(previous, flow, cv2.INTER_CUBIC), residual


def _to_comparison_size(picture: Array) -> Array:
    if picture.shape[0] <= COMPARISON_SIZE:
        return picture
    return cv2.resize(picture, (COMPARISON_SIZE, COMPARISON_SIZE), interpolation=cv2.INTER_AREA)


def _warp_by_flow(picture: Array, flow: Array, interpolation: int) -> Array:
    """(S, S[, 3]) taken at each pixel from where (S, S, 2) ``flow`` says it was."""
    x, y = (np.arange(side, dtype=np.float32) for side in picture.shape[1::-1])
    return cv2.remap(
        picture, x + flow[..., 0], y[:, None] + flow[..., 1], interpolation, borderMode=cv2.BORDER_REPLICATE
    )
