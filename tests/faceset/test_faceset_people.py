"""Tests of clustering by the embeddings of tracks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from effigie.faceset import FaceRecord, FaceSet, cluster_tracks
from effigie.faceset import clustering as clustering


def embeddings(people: list[int], noise: float = 0.5) -> np.ndarray:
    random = np.random.default_rng(1)
    means = random.normal(size=(max(people) + 1, 128))
    vectors = means[people] + noise * random.normal(size=(len(people), 128))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def same_partition(first: np.ndarray, second: list[int]) -> bool:
    pairs = set(zip(first.tolist(), second, strict=True))
    return len(pairs) == len(set(first.tolist())) == len(set(second))


@pytest.mark.parametrize("noise", [0.1, 0.5, 0.9])
def test_tracks_group_by_person(noise: float) -> None:
    truth = [0, 1, 2, 0, 1, 0, 3, 2, 2, 2, 0, 1] * 4
    assert same_partition(clustering.cluster_embeddings(embeddings(truth, noise)), truth)


def test_very_many_tracks_group_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = np.random.default_rng(2).integers(0, 12, 500).tolist()
    monkeypatch.setattr(clustering, "MAX_LINKAGE_TRACKS", 100)
    assert same_partition(clustering.cluster_embeddings(embeddings(truth, 0.5)), truth)


def test_one_track_or_none_is_no_special_case() -> None:
    assert clustering.cluster_embeddings(np.zeros((0, 128))).tolist() == []
    assert clustering.cluster_embeddings(embeddings([0])).tolist() == [0]


def test_people_are_numbered_by_faces(mixed: FaceSet) -> None:
    first, second = mixed.people()
    assert (first.cluster, first.faces, first.clips) == (0, 260, ("a", "b"))
    assert first.tracks == (("a", 0), ("b", 0), ("b", 1))
    assert (second.cluster, second.faces, second.tracks) == (1, 40, (("a", 1),))
    assert np.linalg.norm(first.embedding) == pytest.approx(1, abs=1e-5)
    assert float(first.embedding @ second.embedding) < 0.3
    again = cluster_tracks(mixed.load(["embedding"]))
    assert [(person.cluster, person.tracks) for person in again] == [(0, first.tracks), (1, second.tracks)]
    assert (mixed.load(["cluster"]).cluster == 1).sum() == 40


def test_the_threshold_decides(mixed: FaceSet) -> None:
    assert len(FaceSet.open(mixed.path, same_person=-0.9).people()) == 2, "a picture shows them side by side"
    assert len(FaceSet.open(mixed.path, same_person=0.999).people()) == 3


def test_tracks_without_embedding_are_nobody(new_set: FaceSet, make_face: Callable[..., FaceRecord]) -> None:
    source = new_set.create_source("clip.mp4", "0" * 64)
    blank = {1: np.zeros(128, np.float32), 2: np.full(128, np.nan, np.float32)}
    with new_set.writer(source) as writer:
        writer.write([make_face("clip", 0, 0)])
        writer.write(replace(make_face("clip", i, track), embedding=blank[track]) for track in blank for i in range(5))
    known, unknown = new_set.people()
    assert (known.cluster, known.faces) == (0, 1)
    assert (unknown.cluster, unknown.faces, unknown.tracks) == (-1, 10, (("clip", 1), ("clip", 2)))
    assert not unknown.embedding.any()


def alike(new_set: FaceSet, make_face: Callable[..., FaceRecord], frames: dict[int, range]) -> list[tuple]:
    """The tracks of each person when every track has the same embedding."""
    with new_set.writer(new_set.create_source("clip.mp4", "0" * 64)) as writer:
        writer.write(
            replace(make_face("clip", frame, track), embedding=make_face("clip", 0).embedding)
            for track, seen in frames.items()
            for frame in seen
        )
    return [person.tracks for person in new_set.people()]


def test_faces_side_by_side_are_two_people_however_alike(
    new_set: FaceSet, make_face: Callable[..., FaceRecord]
) -> None:
    tracks = alike(new_set, make_face, {0: range(30), 1: range(10, 30)})
    assert tracks == [(("clip", 0),), (("clip", 1),)]


def test_a_track_that_lingers_is_still_the_same_face(new_set: FaceSet, make_face: Callable[..., FaceRecord]) -> None:
    assert alike(new_set, make_face, {0: range(20), 1: range(18, 40)}) == [(("clip", 0), ("clip", 1))]


def test_pairs_known_apart_stay_apart_among_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = [0, 1] * 60
    monkeypatch.setattr(clustering, "MAX_LINKAGE_TRACKS", 100)
    vectors = embeddings(truth, 0.2)
    halfway = vectors[:2].mean(axis=0) + 0.4 * vectors
    halfway /= np.linalg.norm(halfway, axis=1, keepdims=True)
    assert len(set(clustering.cluster_embeddings(halfway).tolist())) == 1
    pairs = np.arange(120).reshape(60, 2)
    monkeypatch.setattr(clustering, "GREEDY_SIMILARITY", 0.97)
    assert same_partition(clustering.cluster_embeddings(halfway, cannot_link=pairs), truth)
