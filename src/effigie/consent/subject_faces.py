"""The faces that somebody wants to show, as the gate looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from effigie.faceset import Faces

LOOKS = 24  # pictures whose identity is measured afresh, half a second


@dataclass(frozen=True)
class ShownFaces:
    """The faces of whoever will be shown.

    Attributes:
        embeddings: (N, 128) float32 unit; zeros where a face has none.
        clips: (N,) names of the clips they are from, for messages.
        looked_at: (M, 128) of some of the pictures themselves, measured now: a stored embedding is the mean of a track,
            and anybody can edit a column. None where there are no pictures.
    """

    embeddings: np.ndarray
    clips: np.ndarray
    looked_at: np.ndarray | None = None

    @classmethod
    def of(cls, faces: Faces) -> ShownFaces:
        """Of face set rows with their ``embedding``, ``landmarks`` and ``matrix``."""
        from effigie.faces.crop import apply_affine
        from effigie.faces.recognizer import IdentityModel

        model = IdentityModel()
        rows = np.unique(np.linspace(0, len(faces) - 1, min(LOOKS, len(faces))).astype(int))
        looked_at = [
            model.of(
                faces.crop(int(row)),
                apply_affine(faces["matrix"][row].astype(np.float64), faces["landmarks"][row]),
            )
            for row in rows
        ]
        return cls(faces.embedding, faces.clip, np.stack(looked_at) if looked_at else None)

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or len(self.embeddings) != len(self.clips):
            raise ValueError(f"{self.embeddings.shape} embeddings of {len(self.clips)} clips")
