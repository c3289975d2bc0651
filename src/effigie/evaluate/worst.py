"""Keeping the worst frames of a long clip without keeping the clip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

APART = 8  # frames; neighbours look alike, so only the worst of a neighbourhood is kept
SIDE = 192  # px of a kept picture


@dataclass(frozen=True)
class Pair:
    """One frame of input and output, cut around the face, (S, S, 3) uint8 RGB each.

    Attributes:
        badness: what frames are ordered by, more is worse.
        text: the measured value, for the label.
    """

    frame: int
    badness: float
    text: str
    input: np.ndarray
    output: np.ndarray


def around(image: np.ndarray, landmarks: np.ndarray, side: int = SIDE) -> np.ndarray:
    """(side, side, 3) square of ``image`` around (N, >= 2) landmarks, with some surroundings."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    scale = side / (1.3 * max(float((high - low).max()), 1.0))
    centre = (low + high) / 2
    matrix = np.array([[scale, 0, side / 2 - scale * centre[0]], [0, scale, side / 2 - scale * centre[1]]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)


class Worst:
    """The ``most`` worst frames offered, at least :data:`APART` frames from each other."""

    def __init__(self, most: int = 5) -> None:
        self._most = most
        self._kept: list[Pair] = []

    def offer(
        self,
        frame: int,
        badness: float,
        text: str,
        pictures: tuple[np.ndarray, np.ndarray],
        landmarks: np.ndarray,
    ) -> None:
        """Consider a frame; ``pictures`` are the whole frames of input and output, cut only if kept."""
        if np.isnan(badness):
            return
        near = next((pair for pair in self._kept if abs(pair.frame - frame) < APART), None)
        if near is not None:
            if near.badness >= badness:
                return
            self._kept.remove(near)
        elif len(self._kept) == self._most:
            if self._kept[-1].badness >= badness:
                return
            self._kept.pop()
        cut = (around(picture, landmarks) for picture in pictures)
        self._kept.append(Pair(frame, badness, text, *cut))
        self._kept.sort(key=lambda pair: -pair.badness)

    @property
    def pairs(self) -> list[Pair]:
        """Worst first."""
        return list(self._kept)
