"""Motion blur: a face that moves while the shutter is open is smeared along its way, and so must the made one be.

How long the shutter is open is the clip's own and stays the same. It is read where it can be: in frames where the face
moves fast enough, from how much weaker the footage's edges are along the way than across it, compared with the made
face's.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.compositing.smoothing import Exponential, Time
from effigie.errors import UsageError

Picture = NDArray[np.float32]
Array = NDArray[Any]

SLOW = 2.0  # px a frame: slower motion smears nothing that could be seen
LONGEST = 64.0  # px a frame: faster is a track that jumped
SHARES = np.linspace(0, 1, 9)  # of the time between two frames that a shutter may be open
SIDE = 160  # px a side at which edges are compared, at most
ENOUGH = 200  # pixels inside the mask that they are compared over, at least
MEMORY = 0.5  # s, over which the shutter's share is averaged


class MotionBlur:
    """Follows one track.

    Args:
        strength: 0..1, how much of the measured blur is applied; 0 switches it off.
    """

    def __init__(self, strength: float = 1.0) -> None:
        if not 0 <= strength <= 1:
            raise UsageError(f"the strength of motion blur is 0..1, got {strength}")
        self.strength = strength
        self._share = Exponential(MEMORY)
        self.reset()

    def reset(self) -> None:
        """Forget the frames before: call at a cut."""
        self._place: Array | None = None
        self._known: float | None = None
        self._share.reset()

    def __call__(
        self, face: Picture, footage: Picture, mask: Array, place: Array, time: Time | None = None
    ) -> Picture:
        """The face, smeared as the footage is.

        Args:
            face: (h, w, 3) float32 in 0..1, where it belongs in the frame.
            footage: (h, w, 3) float32 in 0..1, there.
            mask: (h, w) in 0..1; edges are compared where it is above 0.9.
            place: (2,) px of the face's middle in the frame.
            time: s.
        """
        before, self._place = self._place, np.asarray(place, np.float64)
        if self.strength == 0 or before is None:
            return face
        way = self._place - before
        speed = float(np.linalg.norm(way))
        if not SLOW <= speed <= LONGEST:
            return face
        found = shutter(face, footage, mask, way)
        if found is not None:
            self._known = float(self._share(np.array([found], np.float32), time)[0])
        if self._known is None:
            return face
        return smeared(face, self.strength * self._known * way)


def shutter(face: Picture, footage: Picture, mask: Array, way: Array) -> float | None:
    """0..1: the share of the way by which the face must be smeared to have its edges as weak along it as the footage's.

    Args:
        way: (2,) px that the face has moved since the frame before.

    Returns:
        None where too little of the face is there to tell.
    """
    shrink = min(1.0, SIDE / max(mask.shape))
    grays = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (face, footage)]
    if shrink < 1:
        size = tuple(max(2, round(side * shrink)) for side in mask.shape[::-1])
        grays = [cv2.resize(gray, size, interpolation=cv2.INTER_AREA) for gray in grays]
        mask = cv2.resize(np.asarray(mask, np.float32), size, interpolation=cv2.INTER_AREA)
    inside = cv2.erode((mask > 0.9).astype(np.uint8), np.ones((5, 5))) > 0
    if np.count_nonzero(inside) < ENOUGH:
        return None
    wanted = _weakness(grays[1], inside, way)
    found = [_weakness(smeared(grays[0], share * shrink * way), inside, way) for share in SHARES]
    return float(np.interp(-wanted, -np.maximum.accumulate(found[::-1])[::-1], SHARES))


def _weakness(gray: Array, inside: Array, way: Array) -> float:
    """Energy of a picture's edges along the way over that across it."""
    x, y = (cv2.Sobel(gray, cv2.CV_32F, *order)[inside] for order in ((1, 0), (0, 1)))
    cosine, sine = way / np.linalg.norm(way)
    along, across = cosine * x + sine * y, cosine * y - sine * x
    return float((along * along).mean() / max(float((across * across).mean()), 1e-9))


def smeared(picture: Picture, way: Array) -> Picture:
    """A picture (h, w[, 3]) averaged along a way of (2,) px, its middle where it was."""
    length = float(np.linalg.norm(way))
    if length < 0.5:
        return picture
    reach = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    steps = np.linspace(-0.5, 0.5, max(3, 4 * reach))[:, None] * np.asarray(way, np.float64) + reach
    low = np.floor(steps).astype(int)
    part = steps - low
    for dx in (0, 1):
        for dy in (0, 1):
            weight = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
            np.add.at(kernel, (low[:, 1] + dy, low[:, 0] + dx), weight)
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
