"""Follows the driver through a clip, by track and, after losses, by identity."""

from __future__ import annotations

import numpy as np

from effigie.faces.analyzer import Face
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY, IdentityModel, normalize_embedding

EMBEDDING_FRAMES = (
    0,
    25,
)  # frames of the followed track whose identity is looked at: the first may be a poor one


class DriverMatcher:
    """Chooses the same person's face in every frame.

    Args:
        person: the n-th largest face (0 = the largest) of the first frame that shows so many.

    Attributes:
        max_faces: faces seen at once at most.
    """

    def __init__(self, person: int = 0) -> None:
        self._number = person
        self._model = IdentityModel(fold_constants=False)
        self._track: int | None = None
        self._frames = 0
        self._embedding_sum = np.zeros(128, np.float32)
        self._other_tracks: set[int] = set()
        self.max_faces = 0

    def __call__(self, image: np.ndarray, faces: list[Face]) -> Face | None:
        """The person's face, or None.

        Args:
            image: (H, W, 3) uint8 RGB.
            faces: largest first.
        """
        self.max_faces = max(self.max_faces, len(faces))
        if self._track is None and len(faces) > self._number:
            self._track = faces[self._number].track
            self._other_tracks = {face.track for face in faces} - {self._track}
        match = next((face for face in faces if face.track == self._track), None)
        if match is None and self._track is not None:
            match = self._find_again(image, faces)
        if match is not None:
            if self._frames in EMBEDDING_FRAMES:
                self._embedding_sum = self._embedding_sum + self._model.embed(image, match.landmarks)
            self._frames += 1
        return match

    def _find_again(self, image: np.ndarray, faces: list[Face]) -> Face | None:
        """The person under a new track number, after having been out of sight."""
        for face in faces:
            if face.track in self._other_tracks:
                continue
            if (
                float(self._model.embed(image, face.landmarks) @ normalize_embedding(self._embedding_sum))
                >= SAME_PERSON_SIMILARITY
            ):
                self._track = face.track
                return face
            self._other_tracks.add(face.track)
        return None
