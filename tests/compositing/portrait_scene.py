"""A real portrait with a known face region, and the crops that the tests composite back into it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from skimage import data


@dataclass(frozen=True)
class Scene:
    """A frame, the position of its face, and that face as a crop."""

    frame: np.ndarray  # (H, W, 3) uint8
    matrix: np.ndarray  # (2, 3) frame px to crop px
    face: np.ndarray  # (S, S, 3) float32 in 0..1
    mask: np.ndarray  # (S, S) float32, the face's outline

    @property
    def size(self) -> int:
        return self.face.shape[0]

    def blurred(self, sigma: float) -> np.ndarray:
        return cv2.GaussianBlur(self.face, (0, 0), sigma)


def scene(size: int = 192, face: float = 160.0, turn: float = 0.06, center: tuple[float, float] = (224, 120)) -> Scene:
    """The portrait scaled so that the crop covers ``face`` frame px; ``center`` in the portrait's own px."""
    portrait = data.astronaut()
    zoom = face / 160.0
    interpolation = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    frame = cv2.resize(portrait, None, fx=zoom, fy=zoom, interpolation=interpolation)
    scale = size / face
    linear = scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    matrix = np.column_stack([linear, (size / 2, size / 2) - linear @ (np.array(center) * zoom)])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    crop = cv2.warpAffine(frame, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((size, size), np.float32)
    cv2.ellipse(mask, (size // 2, size // 2), (int(size * 0.32), int(size * 0.42)), 0, 0, 360, 1.0, -1)
    return Scene(frame, matrix, crop.astype(np.float32) / 255, mask)
