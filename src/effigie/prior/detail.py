"""A small network, a large face: what the prior shows beyond the network's resolution is added back."""

from __future__ import annotations

import cv2
import numpy as np


def enlarged(picture: np.ndarray, trust: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """The network's picture at the prior's size, with the prior's detail where the network kept the prior.

    Args:
        picture: (S, S, 3) float32 in [0, 1], what the network made.
        trust: (S, S) float32 in [0, 1], how much of the prior it holds.
        prior: (L, L, 3) in [0, 1] as rendered at full size, L >= S.

    Returns:
        (L, L, 3) float32, slightly outside [0, 1] at places.
    """
    small, side = picture.shape[0], prior.shape[0]
    made = resized(picture, side)
    if side > small:
        made += cv2.multiply(detail(prior, small), cv2.merge([resized(trust, side)] * 3))
    return made


def detail(prior: np.ndarray, small: int) -> np.ndarray:
    """(L, L, 3) what ``prior`` shows beyond a resolution of ``small`` pixels."""
    return prior - resized(cv2.resize(prior, (small, small), interpolation=cv2.INTER_AREA), prior.shape[0])


def resized(picture: np.ndarray, side: int) -> np.ndarray:
    """A copy with ``side`` pixels a side, for enlarging."""
    if picture.shape[0] == side:
        return picture.copy()
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
