"""Shapes of a face that speaks, computed when they are asked for: an hour of them would not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from effigie.faces.landmarker import LANDMARK_COUNT
from effigie.faces.mesh import SHUT_LIDS
from effigie.heads.motion.features import EYE_LANDMARKS, LipField, lip_gaps, set_lids
from effigie.heads.motion.gains import brow_weights
from effigie.heads.motion.retarget import compute_proportions
from effigie.heads.speech.dataset import mouth_mask
from effigie.heads.speech.inference.gestures import Gestures
from effigie.heads.speech.inference.mouth import MouthTrack
from effigie.heads.speech.network import MouthModel

# How far the nine pairs of the inner lips part, from corner to corner, of lips that only part.
GAP_PROFILE = np.sin(np.pi * np.arange(1, 10) / 10) ** 0.7
PARTED_CM = 0.25  # from which gap on a mouth's own form tells how its lips part


def part_lips(shape: np.ndarray, lips: LipField, gap: float) -> None:
    """Give the inner lips of (478, 3) ``shape`` a gap of ``gap`` cm at their middle, in place.

    Their form from corner to corner stays. ``lips`` are of the same face.
    """
    gaps = lip_gaps(shape)[:, 1]
    middle = float(gaps[3:6].mean())
    own = float(np.clip(middle / PARTED_CM, 0, 1))
    form = own * np.maximum(gaps, 0) / max(middle, 0.05) + (1 - own) * GAP_PROFILE
    change = np.zeros((len(gaps), 3))
    change[:, 1] = gap * form / form[3:6].mean() - gaps
    lips.move(shape, change)


@dataclass(frozen=True)
class DriverFace:
    """Whose eyes and cheeks a speaking face has.

    Attributes:
        unposed: (M, 478, 3) float32 cm of the driver's frames.
        frames: (N,) which of them each picture shows.
        neutral: (478, 3) the driver's neutral shape.
    """

    unposed: np.ndarray
    frames: np.ndarray
    neutral: np.ndarray


class SpokenShapes:
    """Stands for an (N, 478, 3) float32 array of unposed landmarks in cm; read by index, slice or mask.

    Args:
        model: of the mouth.
        mouth: what it does.
        gestures: lids, brows and gaze; None where they are the driver's.
        driver: gives all but mouth, jaw and cheeks; None for the mean face at rest.
    """

    dtype = np.dtype(np.float32)

    def __init__(
        self, model: MouthModel, mouth: MouthTrack, gestures: Gestures | None, driver: DriverFace | None = None
    ) -> None:
        self._model, self._mouth, self._gestures, self._driver = model, mouth, gestures, driver
        self._rest = (model.rest if driver is None else driver.neutral).astype(np.float64)
        self._scale = compute_proportions(self._rest, model.rest)
        self._lips, self._mask = LipField.from_shape(self._rest), mouth_mask()[:, None]
        self._brows = brow_weights()
        self.shape = (len(mouth.gaps), LANDMARK_COUNT, 3)
        self.ndim = 3

    @property
    def rest(self) -> np.ndarray:
        """(478, 3) float32: what the shapes are a change from."""
        return self._rest.astype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        return map(self._compute, range(len(self)))

    def __getitem__(self, index: Any) -> np.ndarray:
        numbers = np.arange(len(self))[index]
        if np.ndim(numbers) == 0:
            return self._compute(int(numbers))
        shapes = np.empty((len(numbers), *self.shape[1:]), np.float32)
        for place, number in enumerate(numbers.tolist()):
            shapes[place] = self._compute(number)
        return shapes

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or np.float32, copy=False)

    def _compute(self, index: int) -> np.ndarray:
        mouth = self._mouth
        shape = self._rest + self._scale * np.tensordot(mouth.coefficients[index], self._model.basis, 1)
        if self._driver is not None:
            eyes = self._driver.unposed[self._driver.frames[index]] - self._rest
            shape += (1 - self._mask) * eyes
        if mouth.activity[index] > 0:
            part_lips(shape, self._lips, float(self._scale[1] * mouth.gaps[index]))
        if self._gestures is not None:
            self._move_eyes(shape, self._gestures, index)
        return shape.astype(np.float32)

    def _move_eyes(self, shape: np.ndarray, gestures: Gestures, index: int) -> None:
        shape[:, 1] += gestures.brows[index] * self._brows
        for eye in EYE_LANDMARKS:
            rest = eye.opening(self._rest)
            opening = SHUT_LIDS + float(gestures.lids[index]) * (rest - SHUT_LIDS)
            set_lids(shape, self._rest, eye, opening / rest)
            eye.set_gaze(shape, self._rest, eye.gaze(self._rest) + gestures.gaze[index])
