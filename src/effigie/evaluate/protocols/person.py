"""Assignment of tracks to people: a person's embeddings, and their face in every frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from effigie.arrays import Image
from effigie.errors import FaceSetError
from effigie.evaluate.metrics.frechet import crop_face
from effigie.evaluate.metrics.identity import centroid
from effigie.faces.crop import apply_affine
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY, IdentityModel
from effigie.faces.tracker import TrackedFace
from effigie.faceset import FaceSet

SAMPLE_INTERVAL = 25  # frames of a track between two looks at who it is: 23 ms each


def person_embeddings(
    faces: FaceSet | str | Path, identity: IdentityModel, person: int = 0, most: int = 60
) -> np.ndarray:
    """(N, 128) unit embeddings of at most ``most`` single frames of a person (0 has the most faces) in a face set."""
    return np.stack([identity.embed(*face) for face in _sample_faces(faces, person, most)])


def gallery_embeddings(facesets: Iterable[FaceSet | str | Path]) -> list[np.ndarray]:
    """For every person of some face sets the (N, 128) unit embeddings of their faces, as extraction measured them."""
    people = []
    for faces in facesets:
        opened = FaceSet.from_path(faces)
        records = opened.load(["embedding", "cluster"])
        clusters, embeddings = np.asarray(records["cluster"]), np.asarray(records["embedding"])
        people += [embeddings[clusters == cluster] for cluster in np.unique(clusters)]
    return people


def sample_source_faces(faces: FaceSet | str | Path, person: int, most: int) -> list[np.ndarray] | None:
    """At most ``most`` faces of a person in a face set, as the Fréchet distance takes them; None for 0."""
    return [crop_face(*face) for face in _sample_faces(faces, person, most)] if most else None


def _sample_faces(faces: FaceSet | str | Path, person: int, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Crops and landmarks in them, evenly over all frames of a person, in the order of the footage."""
    opened = FaceSet.from_path(faces)
    samples = opened.load(["landmarks", "matrix"], where=f"cluster == {person}")
    if not len(samples):
        raise FaceSetError(f"{opened.path} has no person {person}: see `effigie faces cluster {opened.path}`")
    indices = np.unique(np.linspace(0, len(samples) - 1, min(most, len(samples))).round().astype(int))
    for picture, index in zip(samples.crops(indices), indices, strict=True):
        yield picture, apply_affine(samples.matrix[index], samples.landmarks[index])


@dataclass
class TrackMatcher:
    """Assigns tracks to people, in a first pass over a clip."""

    identity: IdentityModel
    _frames: dict[int, int] = field(default_factory=dict)
    _sums: dict[int, np.ndarray] = field(default_factory=dict)

    def add_frame(self, image: Image, faces: Sequence[TrackedFace]) -> None:
        """Add the next frame, (H, W, 3) uint8 RGB, and its tracked faces."""
        for face in faces:
            count = self._frames[face.track] = self._frames.get(face.track, 0) + 1
            if count % SAMPLE_INTERVAL == 1:
                embedding = self.identity.embed(image, face.landmark_result.landmarks)
                self._sums[face.track] = self._sums.get(face.track, np.zeros(128)) + embedding

    def match_tracks(self, people: Sequence[np.ndarray]) -> list[dict[int, float]]:
        """For each of some people, track -> cosine to them.

        Every track belongs to the person it is nearest to, where it is the same person; whoever has none of these gets
        the nearest track that is nobody's.
        """
        middles = [centroid(person) for person in people]
        matches: list[dict[int, float]] = [{} for _ in people]
        rest: dict[int, list[float]] = {}
        for track, total in self._sums.items():
            cosines = [float(centroid(total) @ middle) for middle in middles]
            person = int(np.argmax(cosines))
            if cosines[person] >= SAME_PERSON_SIMILARITY:
                matches[person][track] = cosines[person]
            else:
                rest[track] = cosines
        for person, mine in enumerate(matches):
            if not mine and rest:
                track = max(rest, key=lambda track: rest[track][person])
                mine[track] = rest.pop(track)[person]
        return matches

    def count_frames(self, tracks: Iterable[int]) -> int:
        return sum(self._frames[track] for track in tracks)


def find_person(faces: Sequence[TrackedFace], tracks: dict[int, float]) -> TrackedFace | None:
    """The face in a frame whose track is nearest to the person, if one is there."""
    candidates = [face for face in faces if face.track in tracks]
    return max(candidates, key=lambda face: tracks[face.track], default=None)


def find_overlapping_face(faces: Sequence[TrackedFace], face: TrackedFace) -> TrackedFace | None:
    """The face of another tracker that lies where ``face`` does, if there is one."""
    roi = face.landmark_result.roi()
    overlaps = [(roi.overlap(other.landmark_result.roi()), index) for index, other in enumerate(faces)]
    best = max(overlaps, default=(0.0, -1))
    return faces[best[1]] if best[0] > 0.5 else None
