"""Whose performance is read: one person of a clip, followed through losses by identity."""

from __future__ import annotations

import numpy as np

from effigie.faces.analyzer import Face
from effigie.faces.recognizer import SAME_PERSON, IdentityModel, unit

LOOK_AT = (0, 25)  # frames of the followed track whose identity is looked at: the first may be a poor one


class Follower:
    """Chooses the same person's face in every frame.

    Args:
        who: the n-th largest face (0 = the largest) of the first frame that shows so many.

    Attributes:
        most: faces seen at once at most.
    """

    def __init__(self, who: int = 0) -> None:
        self._who = who
        self._model = IdentityModel(fold=False)
        self._track: int | None = None
        self._seen = 0
        self._sum = np.zeros(128, np.float32)
        self._others: set[int] = set()
        self.most = 0

    def __call__(self, image: np.ndarray, faces: list[Face]) -> Face | None:
        """The person's face, or None.

        Args:
            image: (H, W, 3) uint8 RGB.
            faces: largest first.
        """
        self.most = max(self.most, len(faces))
        if self._track is None and len(faces) > self._who:
            self._track = faces[self._who].track
            self._others = {face.track for face in faces} - {self._track}
        mine = next((face for face in faces if face.track == self._track), None)
        if mine is None and self._track is not None:
            mine = self._again(image, faces)
        if mine is not None:
            if self._seen in LOOK_AT:
                self._sum = self._sum + self._model.of(image, mine.landmarks)
            self._seen += 1
        return mine

    def _again(self, image: np.ndarray, faces: list[Face]) -> Face | None:
        """The person under a new track number, after having been out of sight."""
        for face in faces:
            if face.track in self._others:
                continue
            if float(self._model.of(image, face.landmarks) @ unit(self._sum)) >= SAME_PERSON:
                self._track = face.track
                return face
            self._others.add(face.track)
        return None
