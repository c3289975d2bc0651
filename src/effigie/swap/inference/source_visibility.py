"""Where the source's own frames show no face: their fringe, the wall beside their ear.

A made face's mask reaches to the hairline, and what lies there in the source's frames is bent along: strands on
another's forehead, a strip of somebody else's wall. There the footage stays as it is. Within the mesh below the brows
everything belongs to the face, glasses too.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from effigie.faces.crop import apply_affine, resizing
from effigie.faces.warp import Canvas
from effigie.occlusion.network import SIZE
from effigie.occlusion.predictor import Visibility, without_doubts
from effigie.occlusion.synthetic.natural import certain_face
from effigie.prior.render import Bank, Prior, Shown

READ = 64  # frames with what is face beside them are kept, as many as the bank keeps
SOFT = 0.025  # of the picture's side: how softly the made face ends there, for skin goes over into skin


class Hairline:
    """Of the frames of a bank, what is face, bent as their pictures are; asked once a frame of the bank.

    Args:
        bank: the source's frames.
        visibility: whose network is asked.

    Example::

        canvas = Canvas(wanted, side)
        prior = render(bank, layers, canvas, hairline.beside(canvas))
        own = hairline(prior, canvas)
    """

    def __init__(self, bank: Bank, visibility: Visibility) -> None:
        self._bank, self._visibility = bank, visibility
        self._read = lru_cache(READ)(self._with_face)
        self._known: dict[int, np.ndarray] = {}

    def beside(self, canvas: Canvas) -> Shown:
        """Frames of the bank bent into ``canvas``, what is face beside the picture as a fourth channel."""

        def shown(index: int) -> tuple[np.ndarray, np.ndarray]:
            bent = canvas.warp(self._read(index), self._bank.geometries[index].landmarks)
            return bent.image, bent.validity

        return shown

    def __call__(self, prior: Prior, canvas: Canvas) -> np.ndarray:
        """(S, S) float32 in 0..1: 1 where the frames of a prior, rendered with :meth:`beside`, show the face."""
        assert prior.fourth is not None
        # Where the bent picture ends nothing of the source's is shown.
        seen = np.where(prior.validity > 0.5, prior.fourth, np.float32(255))
        small = cv2.resize(seen, (SIZE, SIZE), interpolation=cv2.INTER_AREA) / np.float32(255)
        soft = cv2.GaussianBlur(np.clip(small, 0, 1), (0, 0), SOFT * SIZE)
        # As soft outside of its edge as inside would show half of what is to go.
        soft = np.clip(2 * soft - 1, 0, 1)
        soft[certain_face(apply_affine(resizing(SIZE, canvas.size), canvas.target), SIZE)] = 1
        return cv2.resize(soft, (canvas.size, canvas.size), interpolation=cv2.INTER_LINEAR)

    def _with_face(self, index: int) -> np.ndarray:
        """(S, S, 4) uint8, a frame of the bank and what of it is face."""
        picture = self._bank.read(index)
        side = picture.shape[0]
        if index not in self._known:
            landmarks = apply_affine(resizing(SIZE, side), self._bank.geometries[index].landmarks)
            small = cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
            said = without_doubts(self._visibility.seen(small, landmarks))
            self._known[index] = (255 * said).astype(np.uint8)
        return np.dstack([picture, cv2.resize(self._known[index], (side, side))])
