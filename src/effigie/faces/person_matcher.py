"""Finds people in the frames of a clip: several at once by identity, or one by track."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.arrays import Embedding, Image
from effigie.faces.analyzer import Face
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY, IdentityModel, normalize_embedding

# Counts of a face's frames at which its identity is looked at: the first look may be a poor one.
MATCHER_FRAMES = (0, 8, 40)
FOLLOWER_FRAMES = (0, 25)
NO_MATCH = -10.0  # worse than any sum of likenesses
# From so much on a second face in a frame is the same person once more, as in a mirror or a split screen. Of different
# people one pair in 17,000 passes 0.45; of one person's other pictures none was below 0.51.
REPEATED_SIMILARITY = 0.5


@dataclass(frozen=True)
class TargetPerson:
    """A person to be found in a clip.

    Attributes:
        embedding: (128,) unit identity.
        person: if given, the n-th largest face of the first frame with that many is meant instead, and followed by its
            own identity from then on.
    """

    embedding: Embedding
    person: int | None = None


class _MeanIdentity:
    """Identity of a face, averaged over a few looks."""

    def __init__(self) -> None:
        self._sum = np.zeros(128, np.float32)
        self._count = 0

    def update(self, image: Image, face: Face, model: IdentityModel, frames: tuple[int, ...]) -> None:
        """Take the face's next frame, looked at if its number is one of ``frames``."""
        if self._count in frames:
            self._sum = self._sum + model.embed(image, face.landmarks)
        self._count += 1

    @property
    def embedding(self) -> np.ndarray:
        """(128,) of unit length."""
        return normalize_embedding(self._sum)


@dataclass
class RepeatLog:
    """How often a target person was in a frame more than once, as in a mirror or a split screen.

    Attributes:
        frames: in which they were, every face of theirs taken.
        rejections: frames in which a face like theirs was left: too unlike for the same person, or not the one chosen
            by number.
        rejected_similarity: the highest cosine of those.
    """

    frames: int = 0
    rejections: int = 0
    rejected_similarity: float = -1.0


class PersonMatcher:
    """Finds every target person in every frame; no face gets two persons.

    Attributes:
        best_similarity: for each of them the cosine of the likest face so far.
        repeats: for each of them how often they were seen twice.
        max_faces: faces seen at once at most.
    """

    def __init__(self, targets: Sequence[TargetPerson]) -> None:
        self._targets = [None if target.person is not None else target.embedding for target in targets]
        self._numbers = [target.person for target in targets]
        self._model = IdentityModel()
        self._identities: defaultdict[int, _MeanIdentity] = defaultdict(_MeanIdentity)
        self.best_similarity = [-1.0] * len(self._targets)
        self.repeats = [RepeatLog() for _ in self._targets]
        self.max_faces = 0

    def __call__(self, image: Image, faces: list[Face]) -> list[list[Face]]:
        """Each target person's faces in this frame, the likest first; ``faces`` largest first.

        A person has several in a mirror or a split screen; one who was chosen by number has one at most.
        """
        self.max_faces = max(self.max_faces, len(faces))
        for face in faces:
            self._identities[face.track].update(image, face, self._model, MATCHER_FRAMES)
        embeddings = [self._identities[face.track].embedding for face in faces]
        for number, person in enumerate(self._numbers):
            if self._targets[number] is None and person is not None and person < len(faces):
                self._targets[number] = embeddings[person]
        matches: list[list[Face]] = [[] for _ in self._targets]
        if not faces:
            return matches
        similarity = np.full((len(self._targets), len(faces)), NO_MATCH)
        for number, target in enumerate(self._targets):
            if target is None:
                continue
            cosines = np.array([float(embedding @ target) for embedding in embeddings])
            self.best_similarity[number] = max(self.best_similarity[number], float(cosines.max()))
            similarity[number] = np.where(cosines >= SAME_PERSON_SIMILARITY, cosines, NO_MATCH)
        # All at once: two lookalikes each get the face that is more theirs.
        for row, column in _assign(similarity):
            if similarity[row, column] > NO_MATCH:
                matches[row].append(faces[column])
        self._add_repeats(matches, faces, similarity)
        return matches

    def _add_repeats(self, matches: list[list[Face]], faces: list[Face], similarity: np.ndarray) -> None:
        """Give the faces that nobody got to whom they show once more."""
        matched_ids = {id(face) for match in matches for face in match}
        rejections: dict[int, float] = {}
        for column, face in enumerate(faces):
            row = int(np.argmax(similarity[:, column]))
            cosine = float(similarity[row, column])
            if id(face) in matched_ids or cosine == NO_MATCH or not matches[row]:
                continue
            if cosine >= REPEATED_SIMILARITY and self._numbers[row] is None:
                matches[row].append(face)
            else:
                rejections[row] = max(cosine, rejections.get(row, -1.0))
        for row, log in enumerate(self.repeats):
            log.frames += len(matches[row]) > 1
            log.rejections += row in rejections
            log.rejected_similarity = max(log.rejected_similarity, rejections.get(row, -1.0))


def _assign(similarity: np.ndarray) -> list[tuple[int, int]]:
    """Rows and columns of the assignment with the largest sum."""
    if len(similarity) == 1:
        return [(0, int(np.argmax(similarity[0])))]
    from scipy.optimize import linear_sum_assignment  # half a second, for several people alone

    rows, columns = linear_sum_assignment(similarity, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]


class PersonFollower:
    """Chooses the same person's face in every frame, by track and, after losses, by identity.

    Args:
        person: the n-th largest face (0 = the largest) of the first frame that shows so many.

    Attributes:
        max_faces: faces seen at once at most.
    """

    def __init__(self, person: int = 0) -> None:
        self._number = person
        self._model = IdentityModel(fold_constants=False)
        self._track: int | None = None
        self._identity = _MeanIdentity()
        self._other_tracks: set[int] = set()
        self.max_faces = 0

    def __call__(self, image: Image, faces: list[Face]) -> Face | None:
        """The person's face in this (H, W, 3) uint8 RGB frame, or None; ``faces`` largest first."""
        self.max_faces = max(self.max_faces, len(faces))
        if self._track is None and len(faces) > self._number:
            self._track = faces[self._number].track
            self._other_tracks = {face.track for face in faces} - {self._track}
        match = next((face for face in faces if face.track == self._track), None)
        if match is None and self._track is not None:
            match = self._find_again(image, faces)
        if match is not None:
            self._identity.update(image, match, self._model, FOLLOWER_FRAMES)
        return match

    def _find_again(self, image: Image, faces: list[Face]) -> Face | None:
        """The person under a new track number, after having been out of sight."""
        for face in faces:
            if face.track in self._other_tracks:
                continue
            similarity = float(self._model.embed(image, face.landmarks) @ self._identity.embedding)
            if similarity >= SAME_PERSON_SIMILARITY:
                self._track = face.track
                return face
            self._other_tracks.add(face.track)
        return None
