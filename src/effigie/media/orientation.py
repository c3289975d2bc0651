"""Orientation of frames: the display matrix that phones write instead of rotating the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame


@dataclass(frozen=True)
class Orientation:
    """Transform that makes a stored picture upright: a horizontal flip, then a clockwise rotation."""

    rotation: int = 0  # 0, 90, 180 or 270 degrees clockwise
    hflip: bool = False

    @property
    def is_transposed(self) -> bool:
        return self.rotation in (90, 270)

    @property
    def matrix(self) -> list[int]:
        """The display matrix, 9 values, of which :func:`orientation_from_matrix` reads this orientation."""
        cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[self.rotation // 90]
        across, one = -1 if self.hflip else 1, 1 << 16
        return [across * cosine * one, across * sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30]

    def turn_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after turning there, or back."""
        return (height, width) if self.is_transposed else (width, height)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Rotate (H, W, ...) as stored to (H', W', ...) as displayed, contiguous."""
        if self.hflip:
            image = image[:, ::-1]
        return np.ascontiguousarray(np.rot90(image, -self.rotation // 90))

    def revert(self, image: np.ndarray) -> np.ndarray:
        """Turn (H', W', ...) as displayed back to (H, W, ...) as stored, contiguous; undoes :meth:`apply`."""
        image = np.rot90(image, self.rotation // 90)
        return np.ascontiguousarray(image[:, ::-1] if self.hflip else image)

    def revert_box(self, rows: slice, columns: slice, size: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns, in a stored picture of ``size`` (width, height), of a box of the displayed one."""
        width, height = size
        for _ in range(self.rotation // 90):  # a quarter turn back: what was at the right comes to the top
            width, height = height, width
        for _ in range(self.rotation // 90):
            rows, columns = slice(width - columns.stop, width - columns.start), rows
            width, height = height, width
        if self.hflip:
            columns = slice(width - columns.stop, width - columns.start)
        return rows, columns


def read_orientation(frame: VideoFrame) -> Orientation:
    """Read the orientation from a frame's display matrix; angles are rounded to the nearest quarter turn."""
    try:
        data = frame.side_data["DISPLAYMATRIX"]  # type: ignore[typeddict-item]
    except KeyError:
        return Orientation()
    except ValueError:  # side data of a kind that PyAV has no name for, such as EXIF; the angle alone is left
        return Orientation(rotation=_round_quarter_turn(-frame.rotation))
    return orientation_from_matrix(np.frombuffer(bytes(data), dtype=np.int32))


def orientation_from_matrix(matrix: np.ndarray) -> Orientation:
    """Orientation of a display matrix: 9 values, row vectors, y pointing down (ISO 14496-12, 6.2.2)."""
    a, b, _, c, d = (float(value) for value in matrix[:5])
    hflip = a * d - b * c < 0
    if hflip:
        a, b = -a, -b
    return Orientation(rotation=_round_quarter_turn(math.degrees(math.atan2(b, a))), hflip=hflip)


def _round_quarter_turn(degrees: float) -> int:
    return round(degrees / 90) % 4 * 90


EXIF_ORIENTATIONS = {
    2: Orientation(hflip=True),
    3: Orientation(180),
    4: Orientation(180, hflip=True),
    5: Orientation(270, hflip=True),
    6: Orientation(90),
    7: Orientation(90, hflip=True),
    8: Orientation(270),
}
"""By the value of EXIF's tag 0x0112; 1 is upright."""


def apply_exif_orientation(image: np.ndarray, value: int) -> np.ndarray:
    """Turn (H, W, 3) as stored upright, by EXIF's orientation."""
    orientation = EXIF_ORIENTATIONS.get(value)
    return image if orientation is None else orientation.apply(image)
