"""Motion blur: blurs the made face along its motion as the open shutter blurred the footage.

How long the shutter is open is the clip's own and stays the same. It is read where it can be: in frames where the face
moves fast enough, from how much weaker the footage's edges are along the way than across it, compared with the made
face's.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.compositing.temporal import ExponentialAverage, Time
from effigie.errors import UsageError

Picture = NDArray[np.float32]
Array = NDArray[Any]

MIN_SPEED = 2.0  # px a frame: slower motion smears nothing that could be seen
MAX_SPEED = 64.0  # px a frame: faster is a track that jumped
SHUTTER_SHARES = np.linspace(0, 1, 9)  # of the time between two frames that a shutter may be open
MAX_SIDE = 160  # px a side at which edges are compared, at most
MIN_PIXELS = 200  # pixels inside the mask that they are compared over, at least
TIME_CONSTANT = 0.5  # s, over which the shutter's share is averaged


class MotionBlur:
    """Estimates the shutter of one track and blurs its made faces.

    Args:
        strength: 0..1, how much of the measured blur is applied; 0 switches it off.
    """

    def __init__(self, strength: float = 1.0) -> None:
        if not 0 <= strength <= 1:
            raise UsageError(f"the strength of motion blur is 0..1, got {strength}")
        self.strength = strength
        self._average = ExponentialAverage(TIME_CONSTANT)
        self.reset()

    def reset(self) -> None:
        """Forget the frames before: call at a cut."""
        self._center: Array | None = None
        self._shutter: float | None = None
        self._average.reset()

    def __call__(
        self, face: Picture, footage: Picture, mask: Array, center: Array, time: Time | None = None
    ) -> Picture:
        """The face, blurred as the footage is.

        Args:
            face: (h, w, 3) float32 in 0..1, where it belongs in the frame.
            footage: (h, w, 3) float32 in 0..1, there.
            mask: (h, w) in 0..1; edges are compared where it is above 0.9.
            center: (2,) px of the face's middle in the frame.
            time: s.
        """
        previous, self._center = self._center, np.asarray(center, np.float64)
        if self.strength == 0 or previous is None:
            return face
        motion = self._center - previous
        speed = float(np.linalg.norm(motion))
        if not MIN_SPEED <= speed <= MAX_SPEED:
            return face
        estimate = estimate_shutter(face, footage, mask, motion)
        if estimate is not None:
            self._shutter = float(self._average(np.array([estimate], np.float32), time)[0])
        if self._shutter is None:
            return face
        return apply_motion_blur(face, self.strength * self._shutter * motion)


def estimate_shutter(face: Picture, footage: Picture, mask: Array, motion: Array) -> float | None:
    """0..1: the share of the motion over which the face must be blurred to have edges as weak as the footage's.

    Args:
        motion: (2,) px that the face has moved since the frame before.

    Returns:
        None where too little of the face is there to tell.
    """
    shrink = min(1.0, MAX_SIDE / max(mask.shape))
    grays = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (face, footage)]
    if shrink < 1:
        size = tuple(max(2, round(side * shrink)) for side in mask.shape[::-1])
        grays = [cv2.resize(gray, size, interpolation=cv2.INTER_AREA) for gray in grays]
        mask = cv2.resize(np.asarray(mask, np.float32), size, interpolation=cv2.INTER_AREA)
    inside = cv2.erode((mask > 0.9).astype(np.uint8), np.ones((5, 5))) > 0
    if np.count_nonzero(inside) < MIN_PIXELS:
        return None
    target = _edge_energy_ratio(grays[1], inside, motion)
    estimates = [
        _edge_energy_ratio(apply_motion_blur(grays[0], share * shrink * motion), inside, motion)
        for share in SHUTTER_SHARES
    ]
    return float(np.interp(-target, -np.maximum.accumulate(estimates[::-1])[::-1], SHUTTER_SHARES))


def _edge_energy_ratio(gray: Array, inside: Array, motion: Array) -> float:
    """Energy of a picture's edges along the motion over that across it."""
    x, y = (cv2.Sobel(gray, cv2.CV_32F, *order)[inside] for order in ((1, 0), (0, 1)))
    cosine, sine = motion / np.linalg.norm(motion)
    parallel, perpendicular = cosine * x + sine * y, cosine * y - sine * x
    return float((parallel * parallel).mean() / max(float((perpendicular * perpendicular).mean()), 1e-9))


def apply_motion_blur(picture: Picture, motion: Array) -> Picture:
    """A picture (h, w[, 3]) averaged along a motion of (2,) px, centred."""
    length = float(np.linalg.norm(motion))
    if length < 0.5:
        return picture
    reach = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    steps = np.linspace(-0.5, 0.5, max(3, 4 * reach))[:, None] * np.asarray(motion, np.float64) + reach
    low = np.floor(steps).astype(int)
    part = steps - low
    for dx in (0, 1):
        for dy in (0, 1):
            weight = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
            np.add.at(kernel, (low[:, 1] + dy, low[:, 0] + dx), weight)
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
