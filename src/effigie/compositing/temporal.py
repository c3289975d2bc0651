"""Calming a made face over time: what the frames before showed is carried along by the footage's own motion."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.compositing.smoothing import Exponential, Time
from effigie.errors import UsageError

Picture = NDArray[np.float32]
# px a side at which motion is measured, at most. A tenth of a pixel at 128 was a half in a large face, and what had
# been sharpened trembled: half of all its flicker.
FLOW_SIZE = 320
NEWS_SIZE = 128  # px a side at which pictures are compared for news: finer, a codec's noise passes for it
HELD = 0.97  # share of the previous result where the footage did not change at all
REPEATED = 0.35  # grey levels of 255 left after motion: less is a repeated frame, more is news


class MotionCompensated:
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
            raise UsageError(
                f"temporal strength is 0..1 (below 1), tolerance > 0; got {strength} and {tolerance}"
            )
        self.strength, self.tolerance = strength, tolerance
        self._flow: Any = None
        self.reset()

    def reset(self) -> None:
        """Forget the previous face."""
        self._time: float | None = None
        self._face: Picture | None = None
        self._footage: NDArray[np.uint8] | None = None

    def __call__(
        self, face: Picture, time: Time | None = None, footage: NDArray[np.uint8] | None = None
    ) -> Picture:
        """The calmed face, (S, S, 3) float32 in 0..1 as it came in.

        Args:
            footage: (F, F) uint8 grey, the footage in the same crop, F best the face's own size up to
                :data:`FLOW_SIZE`; without it nothing is carried along but by the crop itself.
        """
        known, before, now = self._face, self._footage, None if time is None else float(time)
        elapsed = Exponential.STEP if now is None or self._time is None else now - self._time
        self._time, self._face, self._footage = now, face, footage
        if self.strength == 0 or known is None or elapsed <= 0:
            return face
        if known.shape != face.shape:
            known = cv2.resize(known, face.shape[1::-1], interpolation=cv2.INTER_AREA)
        left: Picture | None = None
        if before is not None and footage is not None:
            known, left = self._carried(known, before, footage)
        change = known - face
        share = np.float32(self.strength ** (elapsed / Exponential.STEP)) * self._agreement(change)
        if left is not None:
            repeats = np.exp(-((cv2.resize(left, share.shape[::-1]) / REPEATED) ** 2))
            share += repeats * (np.maximum(HELD, share) - share)
        share = cv2.resize(share, face.shape[1::-1])
        self._face = face + cv2.multiply(change, cv2.merge([share] * 3))
        return self._face

    def _agreement(self, change: Picture) -> Picture:
        """0..1, at the size of :func:`_coarse`: 1 where two faces that differ by ``change`` show the same."""
        change = _coarse(change)
        side = max(3, change.shape[0] // 40) | 1
        gray = cv2.cvtColor(np.abs(cv2.blur(change, (side, side))), cv2.COLOR_RGB2GRAY)
        return np.exp(-((cv2.blur(gray, (side, side)) / self.tolerance) ** 2))

    def _carried(
        self, known: Picture, before: NDArray[np.uint8], footage: NDArray[np.uint8]
    ) -> tuple[Picture, Picture]:
        """``known`` moved to where the footage's motion has taken it; what of the footage no motion explains.

        The latter is float32 in levels of 255 at the size of :func:`_coarse`, averaged over a neighbourhood.
        """
        if self._flow is None:
            # The preset in half its time. With one refinement instead of three a millisecond less, and up to a
            # thirtieth more flicker.
            self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
            self._flow.setPatchStride(4)
            self._flow.setGradientDescentIterations(12)
            self._flow.setVariationalRefinementIterations(3)
        size = known.shape[0]
        if before.shape != footage.shape:
            before = cv2.resize(before, footage.shape[::-1], interpolation=cv2.INTER_AREA)
        flow = self._flow.calc(footage, before, None)
        now, then = (_coarse(each) for each in (footage, _moved(before, flow, cv2.INTER_LINEAR)))
        left = cv2.blur(cv2.absdiff(now, then).astype(np.float32), (9, 9))
        flow = cv2.resize(flow * np.float32(size / footage.shape[0]), (size, size))
        # Carried on from frame to frame, it would be blurred by anything less than cubic.
        return _moved(known, flow, cv2.INTER_CUBIC), left


def _coarse(picture: NDArray[Any]) -> NDArray[Any]:
    if picture.shape[0] <= NEWS_SIZE:
        return picture
    return cv2.resize(picture, (NEWS_SIZE, NEWS_SIZE), interpolation=cv2.INTER_AREA)


def _moved(picture: NDArray[Any], flow: NDArray[Any], interpolation: int) -> NDArray[Any]:
    """(S, S[, 3]) taken at each pixel from where (S, S, 2) ``flow`` says it was."""
    x, y = (np.arange(side, dtype=np.float32) for side in picture.shape[1::-1])
    return cv2.remap(
        picture, x + flow[..., 0], y[:, None] + flow[..., 1], interpolation, borderMode=cv2.BORDER_REPLICATE
    )
