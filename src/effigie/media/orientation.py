"""Which way up: the display matrix that phones write instead of turning the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame

from effigie.media.clip import Image


@dataclass(frozen=True)
class Orientation:
    """What makes a stored picture upright: first mirrored left to right, then turned clockwise."""

    rotation: int = 0
    """0, 90, 180 or 270 degrees clockwise."""
    mirrored: bool = False

    @property
    def transposes(self) -> bool:
        return self.rotation in (90, 270)

    def upright(self, image: Image) -> Image:
        """(H, W, 3) as stored to (H', W', 3) as shown, contiguous."""
        if self.mirrored:
            image = image[:, ::-1]
        return np.ascontiguousarray(np.rot90(image, -self.rotation // 90))


def orientation(frame: VideoFrame) -> Orientation:
    """What the frame's display matrix asks for; angles are rounded to the nearest quarter turn."""
    try:
        data = frame.side_data["DISPLAYMATRIX"]  # type: ignore[typeddict-item]
    except KeyError:
        return Orientation()
    except ValueError:  # side data of a kind that PyAV has no name for, such as EXIF; the angle alone is left
        return Orientation(rotation=_quarter(-frame.rotation))
    return from_matrix(np.frombuffer(bytes(data), dtype=np.int32))


def from_matrix(matrix: np.ndarray) -> Orientation:
    """The orientation of a display matrix: 9 values, row vectors, y pointing down (ISO 14496-12, 6.2.2)."""
    a, b, _, c, d = (float(value) for value in matrix[:5])
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return Orientation(rotation=_quarter(math.degrees(math.atan2(b, a))), mirrored=mirrored)


def _quarter(degrees: float) -> int:
    return round(degrees / 90) % 4 * 90
