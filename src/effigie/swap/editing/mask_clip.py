"""Reads a matte that was painted elsewhere, in step with the clip: where it is black the footage stays."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.errors import UsageError
from effigie.media import ClipInfo, Frame, VideoReader
from effigie.progress import format_count

# What a codec makes of black and white; between them it is taken as it comes.
BLACK, WHITE = 6, 249
TIMED_KINDS = ("video", "animation")


class MaskClip:
    """Reads a matte in step with a clip.

    Args:
        path: a clip, a folder of numbered pictures, or one picture for all frames; grey, or with alpha. White and
            opaque is 1, black or transparent is 0.
        clip: what it is for.
        max_frames: only so many frames of the clip are made.
        start: the first frame that is asked for.

    Raises:
        UsageError: its size is not the clip's; later, its number of frames or their times are not.
    """

    def __init__(self, path: str | Path, clip: ClipInfo, max_frames: int | None = None, start: int = 0) -> None:
        self.path = Path(path)
        self._reader = VideoReader(self.path)
        if start and self._reader.info.kind != "still":
            self._reader = VideoReader(self.path, start)
        self._clip, self._is_complete = clip, max_frames is None
        info = self._reader.info
        self._is_still = info.kind == "still"
        self._has_times = info.kind in TIMED_KINDS and clip.kind in TIMED_KINDS
        # Painted over a frame of pixels that are not square, or as those are shown.
        sizes = {(clip.width, clip.height)}
        if clip.file_size is not None:
            sizes.add(clip.file_size if clip.rotation % 180 == 0 else clip.file_size[::-1])
        if (info.width, info.height) not in sizes:
            raise UsageError(
                f"the paint-over mask {self.path} is {info.width}x{info.height} pixels, {clip.path} is "
                f"{clip.width}x{clip.height}: export it at the clip's size"
            )
        self._frames: Iterator[Frame] = iter(self._reader)
        self._mask: np.ndarray | None = None
        self._origin: Fraction | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def __call__(self, frame: Frame) -> np.ndarray:
        """(H, W) float32 in 0..1 for a frame of the clip; frames are asked for in order, each once."""
        if self._is_still and self._mask is not None:
            return self._mask
        mask_frame = next(self._frames, None)
        if mask_frame is None:
            raise UsageError(
                f"the paint-over mask {self.path} ends after {format_count(frame.index, 'frame')}, "
                f"{self._clip.path} goes on: "
                "export it at the clip's length"
            )
        if self._has_times:
            self._check_time(frame, mask_frame)
        mask, size = mask_from_image(mask_frame.image), (self._clip.width, self._clip.height)
        self._mask = mask if mask.shape == size[::-1] else cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR)
        return self._mask

    def check_end(self) -> None:
        """Check that the matte ends with the clip; call after the clip's last frame."""
        if self._is_complete and not self._is_still and next(self._frames, None) is not None:
            raise UsageError(
                f"the paint-over mask {self.path} is longer than {self._clip.path}: export it at the clip's length"
            )

    def _check_time(self, frame: Frame, mask_frame: Frame) -> None:
        if self._origin is None:
            self._origin = mask_frame.time - frame.time
        step = 1 / (self._clip.rate or Fraction(25))
        offset = mask_frame.time - frame.time - self._origin
        if abs(offset) > step / 2:
            raise UsageError(
                f"the paint-over mask {self.path} shows frame {frame.index} at {float(mask_frame.time):.3f} s, "
                f"{self._clip.path} at {float(frame.time):.3f} s: export it at the clip's frame rate"
            )


def mask_from_image(image: Image) -> np.ndarray:
    """(H, W) float32 in 0..1 of (H, W, 3) uint8 on black: strokes of any bright colour count as white does."""
    brightest = image.max(axis=2).astype(np.float32)
    return np.clip((brightest - BLACK) / (WHITE - BLACK), 0, 1)
