"""The faces a record knows its subject by: few embeddings out of photos and clips that show one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.consent.terms import MOST_REFERENCES
from effigie.errors import UsageError
from effigie.progress import Cancel, Progress, ProgressCallback, silent

LOOKS = 24  # of a clip: enough to see every pose, 40 ms each
LONGEST = 3000  # frames of a clip that are looked through
SMALLEST = 64  # px, side of the face's crop; the network reads 112
BYSTANDER = 0.5  # a face less than half as wide as the subject's stands behind them
STRAY = 0.1  # of a clip's looks may show somebody else passing, or a face that is hidden


@dataclass(frozen=True)
class _Look:
    """One picture: the embedding of its largest face, None where it is too small; ``crowd``: somebody as large."""

    embedding: np.ndarray | None
    faces: int
    crowd: bool


def references(
    photos: Sequence[Path], progress: ProgressCallback = silent, cancel: Cancel | None = None
) -> np.ndarray:
    """(n, 128) float32 unit embeddings, n of 1 to 8, of the one person whom photos and clips show.

    Args:
        photos: files; each must show the same person, and nobody else as large.

    Raises:
        UsageError: no face, too small a face, several people, or different people in different files.
        MediaError: a file cannot be read.
    """
    if not photos:
        raise UsageError("a record needs a photo or clip of the person: --photo FILE")
    found = []
    for number, path in enumerate(photos):
        progress(Progress("look at photos", number, len(photos), "files", path.name))
        found.append(of_file(path, cancel))
    progress(Progress("look at photos", len(photos), len(photos), "files"))
    _same_person(photos, found)
    return _few(np.concatenate(found))


def of_file(path: Path, cancel: Cancel | None = None) -> np.ndarray:
    """(N, 128) float32 unit embeddings of the person in a photo or clip, a look each; raises as :func:`references`."""
    looks = _looks(path, cancel)
    seen = [look for look in looks if look.faces]
    usable = [look.embedding for look in looks if look.embedding is not None]
    if not seen:
        raise UsageError(f"no face in {path}: take a sharp picture of the person, facing the camera")
    if sum(look.crowd for look in seen) > STRAY * len(seen):
        raise UsageError(f"{path} shows several people: cut out the one whom the record is for")
    if not usable:
        raise UsageError(f"the face in {path} is smaller than {SMALLEST} pixels: take a larger picture")
    vectors = np.stack(usable)
    return vectors[_agreeing(path, vectors)]


def _agreeing(path: Path, vectors: np.ndarray) -> np.ndarray:
    """(N,) bool: the looks that are of the person whom most of them are of."""
    from effigie.faces.recognizer import SAME_PERSON

    middle = int(np.argmax(np.median(vectors @ vectors.T, axis=1)))
    same = vectors @ vectors[middle] >= SAME_PERSON
    if same.sum() < (1 - 2 * STRAY) * len(vectors):
        raise UsageError(
            f"{path} shows different people, or hardly a face that is not hidden: choose another"
        )
    return same


def _looks(path: Path, cancel: Cancel | None) -> list[_Look]:
    from effigie.assets import REQUIRED, fetch_all
    from effigie.faces.analyzer import analyze
    from effigie.faces.recognizer import IdentityModel
    from effigie.faces.tracker import Tracker
    from effigie.media import Reader

    fetch_all(REQUIRED)
    tracker, identity = Tracker(), IdentityModel(fold=False)
    looks = []
    with Reader(path, stop=LONGEST) as reader:
        frames = min(reader.info.frames or LONGEST, LONGEST)
        every = max(1, frames // LOOKS)
        for frame in reader:
            if cancel is not None:
                cancel.check()
            if frame.index % every:
                continue
            tracker.reset()  # every look by itself
            (item,) = analyze([frame], tracker)
            sides = [float(np.exp(face.place[2])) for face in item.faces]
            crowd = len(sides) > 1 and sides[1] >= BYSTANDER * sides[0]
            large = bool(sides) and sides[0] >= SMALLEST
            embedding = identity.of(frame.image, item.faces[0].landmarks) if large else None
            looks.append(_Look(embedding, len(sides), crowd))
    return looks


def _same_person(photos: Sequence[Path], found: Sequence[np.ndarray]) -> None:
    from effigie.faces.recognizer import SAME_PERSON, unit

    means = np.stack([unit(vectors.mean(axis=0)) for vectors in found])
    cosines = means @ means.T
    middle = int(np.argmax(np.median(cosines, axis=1)))
    for path, cosine in zip(photos, cosines[middle], strict=True):
        if cosine < SAME_PERSON:
            raise UsageError(f"{path} and {photos[middle]} show different people: a record is for one person")


def _few(vectors: np.ndarray) -> np.ndarray:
    """At most eight: means of groups of like looks, which say more than single looks and less of any one picture."""
    from scipy.cluster.hierarchy import fcluster, linkage

    from effigie.faces.recognizer import unit

    if len(vectors) <= MOST_REFERENCES:
        return vectors
    labels = fcluster(linkage(vectors, "average", metric="cosine"), MOST_REFERENCES, "maxclust")
    return np.stack([unit(vectors[labels == label].mean(axis=0)) for label in np.unique(labels)])
