"""Faces of the subject of an output, as the gate checks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from effigie.faceset import Faces

SAMPLE_COUNT = 24  # pictures whose identity is measured afresh, half a second


@dataclass(frozen=True)
class SubjectFaces:
    """The faces of the person who will be shown.

    Attributes:
        embeddings: (N, 128) float32 unit; zeros where a face has none.
        clips: (N,) names of the clips they are from, for messages.
        sampled_embeddings: (M, 128) of some of the pictures themselves, measured now: a stored embedding is the mean
            of a track, and anybody can edit a column. None where there are no pictures.
    """

    embeddings: np.ndarray
    clips: np.ndarray
    sampled_embeddings: np.ndarray | None = None

    @classmethod
    def from_faces(cls, faces: Faces) -> SubjectFaces:
        """From face set rows with their ``embedding``, ``landmarks`` and ``matrix``."""
        from effigie.faces.crop import apply_affine
        from effigie.faces.recognizer import IdentityModel

        model = IdentityModel()
        rows = np.unique(np.linspace(0, len(faces) - 1, min(SAMPLE_COUNT, len(faces))).astype(int))
        sampled_embeddings = [
            model.embed(
                faces.crop(int(row)),
                apply_affine(faces["matrix"][row].astype(np.float64), faces["landmarks"][row]),
            )
            for row in rows
        ]
        return cls(faces.embedding, faces.clip, np.stack(sampled_embeddings) if sampled_embeddings else None)

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or len(self.embeddings) != len(self.clips):
            raise ValueError(f"{self.embeddings.shape} embeddings of {len(self.clips)} clips")
