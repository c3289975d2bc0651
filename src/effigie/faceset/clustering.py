"""Clusters tracks into people by their identity embeddings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from effigie.arrays import Embedding
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY as SAME_PERSON_SIMILARITY
from effigie.faceset.columns import Faces

# The linkage's memory grows with the square of the tracks (4096: 67 MB); more are first joined greedily.
MAX_LINKAGE_TRACKS = 4096
GREEDY_SIMILARITY = 0.7
# Two faces in one picture are two people, however alike: two women of the group sample reach 0.43.
# Twice the largest cosine distance keeps them apart unless some 25 other pairs of tracks say otherwise.
CANNOT_LINK_DISTANCE = 4.0
UNKNOWN_CLUSTER = -1


@dataclass(frozen=True)
class PersonCluster:
    """One cluster of tracks."""

    cluster: int  # its number; 0 has the most faces; -1 gathers tracks without an embedding
    faces: int
    tracks: tuple[tuple[str, int], ...]  # its (clip, track) pairs
    clips: tuple[str, ...]
    embedding: Embedding  # (128,) float32 unit mean over its faces; zeros for -1


def cluster_tracks(faces: Faces, same_person: float = SAME_PERSON_SIMILARITY) -> list[PersonCluster]:
    """Cluster tracks into people, most faces first, unknown last; the same faces always give the same numbers.

    Args:
        same_person: cosine similarity in -1..1 from which two groups of tracks are one person.
    """
    tracks, owner, embeddings = _tracks(faces)
    counts = np.bincount(owner, minlength=len(tracks))
    has_embedding = np.linalg.norm(embeddings, axis=1) > 0.5
    labels = np.full(len(tracks), UNKNOWN_CLUSTER)
    separate_pairs = [pair for pair in _find_cooccurring_tracks(faces, owner) if has_embedding[list(pair)].all()]
    pairs = (np.cumsum(has_embedding) - 1)[separate_pairs].reshape(-1, 2)
    labels[has_embedding] = cluster_embeddings(embeddings[has_embedding], same_person, pairs)
    totals = {label: int(counts[labels == label].sum()) for label in np.unique(labels)}
    order = sorted(
        totals, key=lambda label: (label == UNKNOWN_CLUSTER, -totals[label], int(np.argmax(labels == label)))
    )
    clusters = []
    for number, label in enumerate(order):
        members = np.flatnonzero(labels == label)
        mean = (embeddings[members] * counts[members, None]).sum(axis=0)
        own = tuple(tracks[member] for member in members)
        clusters.append(
            PersonCluster(
                cluster=UNKNOWN_CLUSTER if label == UNKNOWN_CLUSTER else number,
                faces=totals[label],
                tracks=own,
                clips=tuple(dict.fromkeys(clip for clip, _ in own)),
                embedding=normalize_rows(mean).astype(np.float32),
            )
        )
    return clusters


def cluster_embeddings(
    embeddings: Embedding, same_person: float = SAME_PERSON_SIMILARITY, cannot_link: np.ndarray | None = None
) -> np.ndarray:
    """Agglomerative clustering of (T, D) unit vectors with average linkage; (T,) labels from 0.

    Args:
        same_person: cosine similarity from which two groups are joined.
        cannot_link: (P, 2) indices of pairs that are known to be different people.
    """
    cannot_link = np.zeros((0, 2), np.int64) if cannot_link is None else cannot_link
    if len(embeddings) < 2:
        return np.zeros(len(embeddings), np.int64)
    if len(embeddings) > MAX_LINKAGE_TRACKS:
        leaders, owner = _merge_greedily(embeddings)
        if len(leaders) > MAX_LINKAGE_TRACKS:
            return owner
        return cluster_embeddings(leaders, same_person, owner[cannot_link])[owner]
    # At the top of the file they would cost every worker's start a quarter of a second.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    distances = pdist(embeddings.astype(np.float64), "cosine")
    first, second = cannot_link.min(axis=1), cannot_link.max(axis=1)
    index = len(embeddings) * first - first * (first + 1) // 2 + second - first - 1
    distances[index[first != second]] = CANNOT_LINK_DISTANCE
    tree = linkage(distances, method="average")
    return fcluster(tree, 1.0 - same_person, criterion="distance") - 1


def normalize_rows(vector: np.ndarray) -> np.ndarray:
    """Scale vectors (..., D) to length one; zeros stay zeros."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector / np.where(length > 1e-12, length, 1.0)


def _tracks(faces: Faces) -> tuple[list[tuple[str, int]], np.ndarray, np.ndarray]:
    """(clip, track) pairs in order of appearance, each face's index into them (N,), embeddings (T, D)."""
    index: dict[tuple[str, int], int] = {}
    owner = np.fromiter(
        (index.setdefault(pair, len(index)) for pair in zip(faces.clip, faces.track.tolist(), strict=True)),
        np.int64,
        len(faces),
    )
    sums = np.zeros((len(index), faces.embedding.shape[1]))
    np.add.at(sums, owner, np.nan_to_num(faces.embedding))
    return list(index), owner, normalize_rows(sums)


def _find_cooccurring_tracks(faces: Faces, owner: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of tracks that share at least half the pictures of the shorter one.

    Less may be one face whose track was lost and found again while the old one lingered.
    """
    clips = np.unique(faces.clip.astype(str), return_inverse=True)[1]
    lengths = np.bincount(owner)
    shared_counts: Counter[tuple[int, int]] = Counter()
    order = np.lexsort((owner, faces.frame, clips))
    pictures = np.flatnonzero(np.diff(faces.frame[order]) | np.diff(clips[order])) + 1
    for members in np.split(owner[order], pictures):
        if len(members) > 1:
            shared_counts.update(combinations(np.unique(members).tolist(), 2))
    return [pair for pair, shared in shared_counts.items() if 2 * shared >= lengths[list(pair)].min()]


def _merge_greedily(embeddings: Embedding) -> tuple[np.ndarray, np.ndarray]:
    """Merge each track into the first cluster above ``GREEDY_SIMILARITY``, or start a new one."""
    leaders = np.empty_like(embeddings)
    count = 0
    owner = np.empty(len(embeddings), np.int64)
    for index, embedding in enumerate(embeddings):
        matches = np.flatnonzero(leaders[:count] @ embedding >= GREEDY_SIMILARITY)
        if len(matches) == 0:
            leaders[count] = embedding
            matches = np.array([count])
            count += 1
        owner[index] = matches[0]
    sums = np.zeros((count, embeddings.shape[1]))
    np.add.at(sums, owner, embeddings)
    return normalize_rows(sums), owner
