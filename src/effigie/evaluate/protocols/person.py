"""Who is who while two clips run side by side: a person's embeddings, and their face in every frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from effigie.errors import FaceSetError
from effigie.evaluate.metrics.identity import centroid
from effigie.faces.crop import apply_affine
from effigie.faces.recognizer import SAME_PERSON, IdentityModel
from effigie.faces.tracker import TrackedFace
from effigie.faceset import FaceSet

LOOK_EVERY = 25  # frames of a track between two looks at who it is: 23 ms each


def person_embeddings(
    faces: FaceSet | str | Path, identity: IdentityModel, who: int = 0, most: int = 60
) -> np.ndarray:
    """(N, 128) unit embeddings of single frames of a person in a face set, evenly over all their frames.

    Args:
        who: the person's number; 0 has the most faces.
        most: frames to embed at most.

    Raises:
        FaceSetError: nobody of that number, or the set cannot be read.
    """
    opened = FaceSet.of(faces)
    found = opened.load(["landmarks", "matrix"], where=f"cluster == {who}")
    if not len(found):
        raise FaceSetError(f"{opened.path} has no person {who}: see `effigie faces cluster {opened.path}`")
    chosen = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int))
    crops = found.crops(chosen)
    return np.stack(
        [
            identity.of(crop, apply_affine(found.matrix[index], found.landmarks[index]))
            for crop, index in zip(crops, chosen, strict=True)
        ]
    )


@dataclass
class WhoIsWho:
    """First run over a clip: which tracks are whose."""

    identity: IdentityModel
    _frames: dict[int, int] = field(default_factory=dict)
    _sums: dict[int, np.ndarray] = field(default_factory=dict)

    def look(self, image: np.ndarray, faces: Sequence[TrackedFace]) -> None:
        """The next frame, (H, W, 3) uint8 RGB, and its tracked faces."""
        for face in faces:
            count = self._frames[face.track] = self._frames.get(face.track, 0) + 1
            if count % LOOK_EVERY == 1:
                embedding = self.identity.of(image, face.measured.landmarks)
                self._sums[face.track] = self._sums.get(face.track, np.zeros(128)) + embedding

    def tracks(self, people: Sequence[np.ndarray]) -> list[dict[int, float]]:
        """For each of some people, track -> cosine to them.

        Every track belongs to the person it is nearest to, where it is the same person; whoever has none of these gets
        the nearest track that is nobody's.

        Args:
            people: (N, 128) embeddings each.
        """
        middles = [centroid(person) for person in people]
        found: list[dict[int, float]] = [{} for _ in people]
        rest: dict[int, list[float]] = {}
        for track, total in self._sums.items():
            near = [float(centroid(total) @ middle) for middle in middles]
            who = int(np.argmax(near))
            if near[who] >= SAME_PERSON:
                found[who][track] = near[who]
            else:
                rest[track] = near
        for who, mine in enumerate(found):
            if not mine and rest:
                track = max(rest, key=lambda track: rest[track][who])
                mine[track] = rest.pop(track)[who]
        return found

    def frames(self, tracks: Iterable[int]) -> int:
        """In how many frames these tracks were seen."""
        return sum(self._frames[track] for track in tracks)


def the_person(faces: Sequence[TrackedFace], tracks: dict[int, float]) -> TrackedFace | None:
    """The face in a frame whose track is nearest to the person, if one is there."""
    there = [face for face in faces if face.track in tracks]
    return max(there, key=lambda face: tracks[face.track], default=None)


def same_place(faces: Sequence[TrackedFace], face: TrackedFace) -> TrackedFace | None:
    """The face of another tracker that lies where ``face`` does, if there is one."""
    roi = face.measured.roi()
    overlaps = [(roi.overlap(other.measured.roi()), index) for index, other in enumerate(faces)]
    best = max(overlaps, default=(0.0, -1))
    return faces[best[1]] if best[0] > 0.5 else None
