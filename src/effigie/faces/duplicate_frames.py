"""Detects duplicate frames: pictures shown twice because the clip's rate exceeds the camera's.

A webcam's 24 frames/s stored at 60, films at 30, screen recordings: between two pictures nothing moves, and whatever
the networks measure there is their own trembling. Smoothing over such frames makes a face glide that the footage
shows in steps, so they are found and get the measurements of the picture that they repeat.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks

CELLS = 16  # a side, in which the face's box is compared: a lid's beginning movement is small but local
# Grey levels of 255, mean of the box and most of a cell; coding alone leaves 0.05 to 0.3.
MAX_MEAN_DIFFERENCE, MAX_CELL_DIFFERENCE = 0.5, 4.0
MAX_DUPLICATES = 4  # frames at most: a still picture is measured now and then all the same


class DuplicateFrameDetector:
    """Compares each frame with the last measured one; call it with the frames in order."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the reference frame."""
        self._reference: np.ndarray | None = None
        self._boxes: list[tuple[slice, slice]] = []
        self._count = 0

    def set_reference(self, image: Image, landmarks: list[np.ndarray]) -> None:
        """Set the reference frame, (H, W, 3) uint8, and its faces' landmarks, (478, >= 2) px each."""
        self._boxes = [box for points in landmarks if (box := _box(points, image.shape)) is not None]
        self._reference = image if self._boxes else None
        self._count = 0

    def __call__(self, image: Image) -> bool:
        """Whether every face of the reference frame is unchanged; False if it had none."""
        reference = self._reference
        if reference is None or reference.shape != image.shape or self._count >= MAX_DUPLICATES:
            return False
        if not all(_is_unchanged(reference[box], image[box]) for box in self._boxes):
            return False
        self._count += 1
        return True


def _box(landmarks: Landmarks, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    low = np.maximum(np.floor(landmarks[:, :2].min(0)), 0).astype(int)
    high = np.minimum(np.ceil(landmarks[:, :2].max(0)) + 1, (shape[1], shape[0])).astype(int)
    if (high - low < CELLS).any():
        return None
    return slice(low[1], high[1]), slice(low[0], high[0])


def _is_unchanged(first: np.ndarray, second: np.ndarray) -> bool:
    red, green, blue = cv2.split(cv2.absdiff(first, second))
    # A tenth of the time of numpy's maximum.
    difference = cv2.max(cv2.max(red, green), blue).astype(np.float32)
    cells = cv2.resize(difference, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return bool(cells.mean() < MAX_MEAN_DIFFERENCE and cells.max() < MAX_CELL_DIFFERENCE)
