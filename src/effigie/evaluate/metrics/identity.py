"""Identity: cosine similarity of SFace embeddings to two people, and whether several people keep their own faces.

Units: cosine, -1..1. One person's frames reach about 0.8 among themselves, different people about 0.1;
SFace's own threshold for "the same person" is 0.363. The share of own faces is of a person's measured frames: those
whose face is nearer to the source who is to be seen there than to the source of anybody else in the clip; 1 is right.
One frame of another's face is seen by everybody, so nothing less will do.

What fools them: blur alone lowers the similarity to the target without raising that to the source, so look at
the similarity to the source, and read it together with sharpness. A network that was trained on this very
model scores without looking alike. Strong poses lower every figure. The share of own faces does not ask how near, so
that a face like nobody passes half of the time. Roles that are played by one and the same source are not compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.arrays import Embedding
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY


@dataclass(frozen=True)
class IdentityScores:
    """Similarity of a clip's faces to two people."""

    to_source: float  # mean cosine to the source's centroid; 1 is identical
    to_target: float
    pairwise_source: float  # mean cosine to the source's single frames, lower than to their centroid by construction
    pairwise_target: float
    closer_to_source: float  # share of the faces that are nearer to the source's centroid than to the target's
    between: float  # cosine of the two centroids: what two faces of different people have in common anyway
    faces: int
    retrieval: float | None = None  # share whose nearest person of a gallery is the source; None without one
    gallery: int = 0  # people in it


def centroid(embeddings: Embedding) -> np.ndarray:
    """(D,) unit mean of (N, D) unit embeddings."""
    total = np.asarray(embeddings, np.float64).reshape(-1, np.shape(embeddings)[-1]).sum(0)
    length = float(np.linalg.norm(total))
    if length < 1e-9:
        raise ValueError("a centroid needs at least one embedding that is not zero")
    return total / length


def is_same_person(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two people, (N, D) and (M, D) unit embeddings, are one by SFace's own threshold."""
    return float(centroid(first) @ centroid(second)) >= SAME_PERSON_SIMILARITY


def cosines(embeddings: Embedding, person: np.ndarray) -> np.ndarray:
    """(N,) cosine of (N, D) unit embeddings to the centroid of a person's (M, D)."""
    return np.asarray(embeddings, np.float64) @ centroid(person)


def compare_identity(embeddings: Embedding, source: np.ndarray, target: np.ndarray) -> IdentityScores:
    """Score (N, D) unit embeddings against the source's (M, D) and the target's (K, D); NaN where N is 0."""
    to_source, to_target = cosines(embeddings, source), cosines(embeddings, target)
    centroid_similarity = float(centroid(source) @ centroid(target))
    if not len(embeddings):
        nan = float("nan")
        return IdentityScores(nan, nan, nan, nan, nan, centroid_similarity, 0)
    return IdentityScores(
        to_source=float(to_source.mean()),
        to_target=float(to_target.mean()),
        pairwise_source=float((embeddings @ source.T).mean()),
        pairwise_target=float((embeddings @ target.T).mean()),
        closer_to_source=float((to_source > to_target).mean()),
        between=centroid_similarity,
        faces=len(embeddings),
    )


def own_face_share(embeddings: Embedding, sources: Sequence[np.ndarray], own: int) -> float:
    """Share of (N, D) unit embeddings that are nearer to ``sources[own]`` than to any other, (M, D) each.

    NaN without embeddings, or where no other source is another person.
    """
    mine = centroid(sources[own])
    rest = [source for number, source in enumerate(sources) if number != own]
    impostors = [source for source in rest if float(mine @ centroid(source)) < SAME_PERSON_SIMILARITY]
    if not len(embeddings) or not impostors:
        return float("nan")
    nearest = np.max([cosines(embeddings, other) for other in impostors], axis=0)
    return float((cosines(embeddings, sources[own]) > nearest).mean())


def retrieve(embeddings: Embedding, source: np.ndarray, gallery: Sequence[np.ndarray]) -> tuple[float, int]:
    """Share of (N, D) unit embeddings whose nearest person is the source, and among how many people.

    Args:
        source: (M, D).
        gallery: (K, D) each, of other people; whoever is the source's own person is not counted.
    """
    impostors = [centroid(person) for person in gallery if not is_same_person(person, source)]
    if not len(embeddings) or not impostors:
        return float("nan"), 1 + len(impostors)
    nearest_other = (np.asarray(embeddings, np.float64) @ np.stack(impostors).T).max(1)
    return float((cosines(embeddings, source) > nearest_other).mean()), 1 + len(impostors)
