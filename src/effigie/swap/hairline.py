"""Where the source's own frames show no face: their fringe, the wall beside their ear.

A made face's mask reaches to the hairline, and what lies there in the source's frames is bent along: strands on
another's forehead, a strip of somebody else's wall. There the footage stays as it is. Within the mesh below the brows
everything belongs to the face, glasses too.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from effigie.faces.roi import apply_affine, resizing
from effigie.faces.warp import Canvas
from effigie.occlusion.mask import Visibility, without_doubts
from effigie.occlusion.natural import certain_face
from effigie.occlusion.network import SIZE
from effigie.prior.render import Bank

SOFT = 0.025  # of the picture's side: how softly the made face ends there, for skin goes over into skin


class Hairline:
    """Of the frames of a bank, what is face, bent as their pictures are; asked once a frame of the bank.

    Args:
        bank: the source's frames.
        visibility: whose network is asked.
    """

    def __init__(self, bank: Bank, visibility: Visibility) -> None:
        self._bank, self._visibility = bank, visibility
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __call__(self, weights: Mapping[int, float], wanted: np.ndarray, side: int) -> np.ndarray:
        """(side, side) float32 in 0..1: 1 where the frames show the face.

        Args:
            weights: of the frames chosen for the whole face.
            wanted: (478, 3) landmarks of the made face in the pixels of a picture of ``side``.
        """
        placed = apply_affine(resizing(SIZE, side), wanted)
        canvas = Canvas(placed, SIZE)
        seen = np.zeros((SIZE, SIZE), np.float32)
        for index, weight in weights.items():
            picture, landmarks = self._of(index)
            bent = canvas.warp(picture, landmarks)
            # Where the bent picture ends nothing of the source's is shown.
            seen += np.float32(weight) * np.where(bent.validity > 0.5, bent.image[..., 0], 1).astype(
                np.float32
            )
        soft = cv2.GaussianBlur(np.clip(seen, 0, 1), (0, 0), SOFT * SIZE)
        # As soft outside of its edge as inside would show half of what is to go.
        soft = np.clip(2 * soft - 1, 0, 1)
        soft[certain_face(placed, SIZE)] = 1
        return cv2.resize(soft, (side, side), interpolation=cv2.INTER_LINEAR)

    def _of(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """(SIZE, SIZE, 3) float32, what is face, and the landmarks in its pixels."""
        if index not in self._known:
            crop = self._bank.read(index)
            landmarks = apply_affine(resizing(SIZE, crop.shape[0]), self._bank.geometries[index].landmarks)
            small = cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
            said = without_doubts(self._visibility.seen(small, landmarks))
            self._known[index] = np.repeat(said[..., None], 3, axis=2), landmarks
        return self._known[index]
