"""The mattes of a clip that were made elsewhere, frame by frame in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from effigie.media import ClipInfo, Frame
from effigie.swap.editing.mask_clip import MaskClip


class Mattes:
    """Reads mattes; going on frame by frame costs least.

    Args:
        path: as of :class:`MaskClip`; None has no mattes.
        clip: what they are for.
    """

    def __init__(self, path: Path | None, clip: ClipInfo) -> None:
        self._path, self._clip = path, clip
        self._open: MaskClip | None = None
        self._next = 0

    def close(self) -> None:
        if self._open is not None:
            self._open.__exit__()

    def __call__(self, frame: Frame) -> np.ndarray | None:
        """(H, W) float32 in 0..1 of a frame; its fields have the same. None where there are no mattes."""
        if self._path is None:
            return None
        if self._open is None or self._next not in (frame.index, frame.index + 1):
            self.close()
            self._open = MaskClip(self._path, self._clip, start=frame.index)
            self._next = frame.index
        if self._next == frame.index:
            self._matte = self._open(frame)
            self._next += 1
        return self._matte
