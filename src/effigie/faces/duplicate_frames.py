"""Telling repeated frames: pictures shown twice because the clip runs faster than what was filmed.

A webcam's 24 frames/s stored at 60, films at 30, screen recordings: between two pictures nothing moves, and whatever
the networks measure there is their own trembling. Smoothing over such frames makes a face glide that the footage
shows in steps, so they are found and get the measurements of the picture that they repeat.
"""

from __future__ import annotations

import cv2
import numpy as np

CELLS = (
    16  # the face's box is compared in so many cells a side: a lid's beginning movement is small but local
)
SAME, SAME_CELL = (
    0.5,
    4.0,
)  # grey levels of 255, mean of the box and most of a cell; coding alone leaves 0.05 to 0.3
IN_A_ROW = 4  # frames at most: a still picture is measured now and then all the same


class Repeats:
    """Compares each frame with the last one that was measured; give it the frames in order."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the frames before."""
        self._picture: np.ndarray | None = None
        self._boxes: list[tuple[slice, slice]] = []
        self._count = 0

    def measured(self, image: np.ndarray, landmarks: list[np.ndarray]) -> None:
        """Remember a frame, (H, W, 3) uint8, and where its faces are: (478, >= 2) px each."""
        self._boxes = [box for points in landmarks if (box := _box(points, image.shape)) is not None]
        self._picture = image if self._boxes else None
        self._count = 0

    def __call__(self, image: np.ndarray) -> bool:
        """Whether every face of the remembered frame is there again, unmoved; False if there were none."""
        known = self._picture
        if known is None or known.shape != image.shape or self._count >= IN_A_ROW:
            return False
        if not all(_same(known[box], image[box]) for box in self._boxes):
            return False
        self._count += 1
        return True


def _box(landmarks: np.ndarray, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    low = np.maximum(np.floor(landmarks[:, :2].min(0)), 0).astype(int)
    high = np.minimum(np.ceil(landmarks[:, :2].max(0)) + 1, (shape[1], shape[0])).astype(int)
    if (high - low < CELLS).any():
        return None
    return slice(low[1], high[1]), slice(low[0], high[0])


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    red, green, blue = cv2.split(cv2.absdiff(one, other))
    difference = cv2.max(cv2.max(red, green), blue).astype(
        np.float32
    )  # a tenth of the time of numpy's maximum
    cells = cv2.resize(difference, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return bool(cells.mean() < SAME and cells.max() < SAME_CELL)
