"""How expressions move a face's landmarks: linear in blendshapes, learned from many people.

A film shows somebody calm; a photo often shows them smiling, and their neutral shape has to be guessed: the landmarks
less what the blendshapes of the photo move on everybody.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.landmarker import BLENDSHAPES
from effigie.io.atomic_write import atomic_write
from effigie.io.tensors import load_arrays, serialize_tensors

FILE = "expressions.safetensors"
RIDGE = 0.005  # of all weight; of 0.0005 to 0.05 the error on people held out hardly differs
# The network that measures blendshapes is not quite blind to whose face it is: so little says nothing of expression.
MIN_BLENDSHAPE = 0.03
# Where somebody looks moves lids, which are compared as they are.
MOVING = np.array([i for i, name in enumerate(BLENDSHAPES) if not name.startswith(("_", "eyeLook"))], dtype=np.intp)


@dataclass(frozen=True)
class ExpressionModel:
    """Displacements of landmarks by blendshapes.

    Attributes:
        displacements: (B, 478, 3) cm in canonical space, of a whole blendshape each of :data:`MOVING`.
        neutral: (52,) blendshapes of calm faces, the median person's.
    """

    displacements: np.ndarray
    neutral: np.ndarray

    @classmethod
    def fit(
        cls, changes: Sequence[tuple[np.ndarray, np.ndarray]], weights: Sequence[float], neutral: np.ndarray
    ) -> ExpressionModel:
        """Fit to changes of many people.

        Args:
            changes: of each person (N, 52) blendshapes minus their own neutral ones, and (N, 478, 3) unposed landmarks
                minus their own neutral shape, cm.
            weights: of each person's frames.
            neutral: see the attribute.
        """
        size = len(MOVING)
        normal, moment = np.zeros((size, size)), np.zeros((size, 478 * 3))
        total = 0.0
        for (blendshapes, landmarks), weight in zip(changes, weights, strict=True):
            inputs = blendshapes[:, MOVING]
            normal += weight * inputs.T @ inputs
            moment += weight * inputs.T @ landmarks.reshape(len(landmarks), -1)
            total += weight * len(inputs)
        fitted = np.linalg.solve(normal + RIDGE * total * np.eye(size), moment)
        return cls(fitted.reshape(size, 478, 3), neutral)

    def remove_expression(self, unposed: Landmarks, blendshapes: np.ndarray) -> tuple[Landmarks, np.ndarray]:
        """The neutral shape, (478, 3), and neutral blendshapes, (52,), behind one frame's.

        Args:
            unposed: (478, 3) landmarks without pose, cm.
            blendshapes: (52,) of the same frame.
        """
        change = blendshapes - self.neutral
        change = np.sign(change) * np.maximum(np.abs(change) - MIN_BLENDSHAPE, 0)
        shape = unposed - np.tensordot(change[MOVING], self.displacements, axes=1)
        return shape, (blendshapes - change).astype(np.float32)

    def save(self, path: str | Path) -> None:
        """Write as safetensors."""
        arrays: dict[str, np.ndarray] = {
            "displacements": self.displacements.astype(np.float16),
            "neutral": self.neutral.astype(np.float32),
        }
        with atomic_write(Path(path)) as temporary:
            temporary.write_bytes(serialize_tensors(arrays))


@cache
def load_expressions() -> ExpressionModel:
    """The model that comes with effigie."""
    path = Path(str(importlib.resources.files("effigie.prior") / FILE))
    arrays = load_arrays(path)
    return ExpressionModel(arrays["displacements"].astype(np.float64), arrays["neutral"])
