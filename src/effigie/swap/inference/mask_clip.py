"""A mask painted elsewhere, frame by frame beside the clip: where it is black the footage stays."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from effigie.errors import UsageError
from effigie.media import ClipInfo, Frame, Reader

# What a codec makes of black and white; between them it is taken as it comes.
BLACK, WHITE = 6, 249
TIMED = ("video", "animation")


class Paint:
    """Reads a mask in step with a clip.

    Args:
        path: a clip, a folder of numbered pictures, or one picture for all frames; grey, or with alpha. White and
            opaque is 1, black or transparent is 0.
        clip: what it is for.
        stop_after: only so many frames of the clip are made.

    Raises:
        MediaError: it cannot be read.
        UsageError: its size, or its number of frames where both are known, is not the clip's.
    """

    def __init__(self, path: str | Path, clip: ClipInfo, stop_after: int | None = None) -> None:
        self.path = Path(path)
        self._reader = Reader(self.path)
        self._clip, self._whole = clip, stop_after is None
        info = self._reader.info
        self._still = info.kind == "still"
        if (info.width, info.height) != (clip.width, clip.height):
            raise UsageError(
                f"the paint-over mask {self.path} is {info.width}x{info.height} pixels, {clip.path} is "
                f"{clip.width}x{clip.height}: export it at the clip's size"
            )
        self._timed = info.kind in TIMED and clip.kind in TIMED
        self._frames: Iterator[Frame] = iter(self._reader)
        self._kept: np.ndarray | None = None
        self._origin: Fraction | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()

    def __call__(self, frame: Frame) -> np.ndarray:
        """(H, W) float32 in 0..1 for a frame of the clip; frames are asked for in order, each once.

        Raises:
            UsageError: the mask ends before the clip, or shows this frame at another time.
        """
        if self._still and self._kept is not None:
            return self._kept
        painted = next(self._frames, None)
        if painted is None:
            raise UsageError(
                f"the paint-over mask {self.path} ends after {frame.index} frames, {self._clip.path} goes on: "
                "export it at the clip's length"
            )
        if self._timed:
            self._check_time(frame, painted)
        self._kept = share(painted.image)
        return self._kept

    def finish(self) -> None:
        """Call after the clip's last frame.

        Raises:
            UsageError: the mask goes on although the clip has ended.
        """
        if self._whole and not self._still and next(self._frames, None) is not None:
            raise UsageError(
                f"the paint-over mask {self.path} is longer than {self._clip.path}: export it at the clip's length"
            )

    def _check_time(self, frame: Frame, painted: Frame) -> None:
        if self._origin is None:
            self._origin = painted.time - frame.time
        step = 1 / (self._clip.rate or Fraction(25))
        apart = painted.time - frame.time - self._origin
        if abs(apart) > step / 2:
            raise UsageError(
                f"the paint-over mask {self.path} shows frame {frame.index} at {float(painted.time):.3f} s, "
                f"{self._clip.path} at {float(frame.time):.3f} s: export it at the clip's frame rate"
            )


def share(image: np.ndarray) -> np.ndarray:
    """(H, W) float32 in 0..1 of (H, W, 3) uint8 on black: strokes of any bright colour count as white does."""
    brightest = image.max(axis=2).astype(np.float32)
    return np.clip((brightest - BLACK) / (WHITE - BLACK), 0, 1)
