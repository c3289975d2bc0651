"""Detects shot cuts, across which nothing may be tracked or smoothed.

Landmarks would be looked for where another person's face was, a track would go on under the wrong name, and smoothing
would mix two shots. The score is PySceneDetect's: mean change of hue, saturation and brightness, compared with a bound
and with the frames before, so that fast motion is no cut.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from effigie.arrays import Image

WIDTH = 96  # px at which frames are compared: what moves little, or is noise, does not count
MIN_CHANGE = 15.0  # mean change, of 255, from which on it may be a cut
MIN_CHANGE_RATIO = 3.0  # times the least change of the frames before: motion does not begin at full speed
HISTORY_FRAMES = 3  # frames
_EVERY_PIXEL = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP


class ShotDetector:
    """Detects the first frame of every shot but the first; call it with the frames in order."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._changes: deque[float] = deque(maxlen=HISTORY_FRAMES)

    def __call__(self, image: Image) -> bool:
        """Whether a new shot begins with this frame, (H, W, 3) uint8 RGB of any size."""
        height, width = image.shape[:2]
        size = min(WIDTH, width), max(1, round(height * min(WIDTH, width) / width))
        step = max(1, width // (4 * WIDTH))
        if step > 1:  # every step-th pixel: as good, and quicker
            grid_size = -(-width // step), -(-height // step)
            image = cv2.warpAffine(image, np.diag([step, step, 0])[:2] * 1.0, grid_size, flags=_EVERY_PIXEL)
        small = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2HSV)
        last, self._last = self._last, small
        if last is None or last.shape != small.shape:
            self._changes.clear()
            return last is not None
        change = float(cv2.absdiff(small, last).mean())
        cut = change >= MIN_CHANGE and change >= MIN_CHANGE_RATIO * min(self._changes, default=0.0)
        self._changes.append(change)
        return cut
