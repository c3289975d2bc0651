"""Matches the faces of a frame to the people who are swapped, by identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from effigie.faces.analyzer import Face
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY, IdentityModel, normalize_embedding

EMBEDDING_FRAMES = (
    0,
    8,
    40,
)  # a track's identity is looked at again after so many frames: the first may be a poor one
NO_MATCH = -10.0  # worse than any sum of likenesses


@dataclass(frozen=True)
class TargetPerson:
    """A person to be found in a clip.

    Attributes:
        embedding: (128,) unit identity.
        person: if given, the n-th largest face of the first frame with that many is meant instead, and followed by its
            own identity from then on.
    """

    embedding: np.ndarray
    person: int | None = None


class PersonMatcher:
    """Finds every target person in every frame; no person gets two faces, no face two persons.

    Args:
        targets: one or more people.

    Attributes:
        best_similarity: for each of them the cosine of the likest face so far.
        max_faces: faces seen at once at most.
    """

    def __init__(self, targets: Sequence[TargetPerson]) -> None:
        self._targets = [None if target.person is not None else target.embedding for target in targets]
        self._numbers = [target.person for target in targets]
        self._model = IdentityModel()
        self._sums: dict[int, np.ndarray] = {}
        self._counts: dict[int, int] = {}
        self.best_similarity = [-1.0] * len(self._targets)
        self.max_faces = 0

    def __call__(self, image: np.ndarray, faces: list[Face]) -> list[Face | None]:
        """Each target person's face in this frame, or None; ``faces`` largest first."""
        self.max_faces = max(self.max_faces, len(faces))
        self._update_embeddings(image, faces)
        for number, person in enumerate(self._numbers):
            if self._targets[number] is None and person is not None and person < len(faces):
                self._targets[number] = normalize_embedding(self._sums[faces[person].track])
        matches: list[Face | None] = [None] * len(self._targets)
        if not faces:
            return matches
        similarity = np.full((len(self._targets), len(faces)), NO_MATCH)
        for number, target in enumerate(self._targets):
            if target is None:
                continue
            cosines = np.array(
                [float(normalize_embedding(self._sums[face.track]) @ target) for face in faces]
            )
            self.best_similarity[number] = max(self.best_similarity[number], float(cosines.max()))
            similarity[number] = np.where(cosines >= SAME_PERSON_SIMILARITY, cosines, NO_MATCH)
        # All at once: two lookalikes each get the face that is more theirs.
        for row, column in zip(*linear_sum_assignment(similarity, maximize=True), strict=True):
            if similarity[row, column] > NO_MATCH:
                matches[row] = faces[column]
        return matches

    def _update_embeddings(self, image: np.ndarray, faces: list[Face]) -> None:
        """Sum up the embeddings of every track."""
        for face in faces:
            count = self._counts.get(face.track, 0)
            if count in EMBEDDING_FRAMES:
                embedding = self._model.embed(image, face.landmarks)
                self._sums[face.track] = self._sums.get(face.track, 0) + embedding
            self._counts[face.track] = count + 1
