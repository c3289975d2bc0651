"""Who is swapped: the people the models were trained on, told by identity, never a bystander."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from effigie.faces.analyzer import Face
from effigie.faces.recognizer import SAME_PERSON, IdentityModel, unit

LOOK_AT = (
    0,
    8,
    40,
)  # a track's identity is looked at again after so many frames: the first may be a poor one
FORBIDDEN = -10.0  # worse than any sum of likenesses


@dataclass(frozen=True)
class Wanted:
    """Somebody to be found in a clip.

    Attributes:
        embedding: (128,) unit identity.
        who: if given, the n-th largest face of the first frame with that many is meant instead, and followed by its own
            identity from then on.
    """

    embedding: np.ndarray
    who: int | None = None


class Picker:
    """Finds every wanted person in every frame: nobody twice, and no face for two of them.

    Args:
        wanted: one or more people.

    Attributes:
        best_seen: for each of them the cosine of the likest face so far.
        most: faces seen at once at most.
    """

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self._wanted = [None if one.who is not None else one.embedding for one in wanted]
        self._who = [one.who for one in wanted]
        self._model = IdentityModel()
        self._sums: dict[int, np.ndarray] = {}
        self._counts: dict[int, int] = {}
        self.best_seen = [-1.0] * len(self._wanted)
        self.most = 0

    def __call__(self, image: np.ndarray, faces: list[Face]) -> list[Face | None]:
        """Each wanted person's face in this frame, or None; ``faces`` largest first."""
        self.most = max(self.most, len(faces))
        self._look(image, faces)
        for number, who in enumerate(self._who):
            if self._wanted[number] is None and who is not None and who < len(faces):
                self._wanted[number] = unit(self._sums[faces[who].track])
        picked: list[Face | None] = [None] * len(self._wanted)
        if not faces:
            return picked
        likeness = np.full((len(self._wanted), len(faces)), FORBIDDEN)
        for number, wanted in enumerate(self._wanted):
            if wanted is None:
                continue
            cosines = np.array([float(unit(self._sums[face.track]) @ wanted) for face in faces])
            self.best_seen[number] = max(self.best_seen[number], float(cosines.max()))
            likeness[number] = np.where(cosines >= SAME_PERSON, cosines, FORBIDDEN)
        # All at once: two lookalikes each get the face that is more theirs.
        for row, column in zip(*linear_sum_assignment(likeness, maximize=True), strict=True):
            if likeness[row, column] > FORBIDDEN:
                picked[row] = faces[column]
        return picked

    def _look(self, image: np.ndarray, faces: list[Face]) -> None:
        """Sum up the embeddings of every track."""
        for face in faces:
            count = self._counts.get(face.track, 0)
            if count in LOOK_AT:
                embedding = self._model.of(image, face.landmarks)
                self._sums[face.track] = self._sums.get(face.track, 0) + embedding
            self._counts[face.track] = count + 1
