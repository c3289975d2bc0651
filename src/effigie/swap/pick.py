"""Who is swapped: the person the model was trained on, told by identity, never a bystander."""

from __future__ import annotations

import numpy as np

from effigie.faces.analyse import Face
from effigie.faces.identity import SAME_PERSON, IdentityModel, unit

LOOK_AT = (
    0,
    8,
    40,
)  # a track's identity is looked at again after so many frames: the first may be a poor one


class Picker:
    """Chooses at most one face a frame.

    Args:
        wanted: (128,) unit embedding of the person to swap.
        who: if given, the n-th largest face of the first frame with that many is swapped instead, and followed by
            its own identity from then on.

    Attributes:
        best_seen: cosine of the likest face so far.
        most: faces seen at once at most.
    """

    def __init__(self, wanted: np.ndarray, who: int | None = None) -> None:
        self._wanted: np.ndarray | None = None if who is not None else wanted
        self._who = who
        self._model = IdentityModel()
        self._sums: dict[int, np.ndarray] = {}
        self._counts: dict[int, int] = {}
        self.best_seen = -1.0
        self.most = 0

    def __call__(self, image: np.ndarray, faces: list[Face]) -> Face | None:
        """The face to swap in this frame, or None; ``faces`` largest first."""
        self.most = max(self.most, len(faces))
        for face in faces:
            count = self._counts.get(face.track, 0)
            if count in LOOK_AT:
                embedding = self._model.of(image, face.landmarks)
                self._sums[face.track] = self._sums.get(face.track, 0) + embedding
            self._counts[face.track] = count + 1
        if self._wanted is None:
            if self._who is None or len(faces) <= self._who:
                return None
            self._wanted = unit(self._sums[faces[self._who].track])
        likeness = {face.track: float(unit(self._sums[face.track]) @ self._wanted) for face in faces}
        best = max(faces, key=lambda face: likeness[face.track], default=None)
        if best is None:
            return None
        self.best_seen = max(self.best_seen, likeness[best.track])
        return best if likeness[best.track] >= SAME_PERSON else None
