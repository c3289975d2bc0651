"""Reference embeddings of a record: a few, computed from photos and clips of one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.arrays import Embedding
from effigie.consent.terms import MAX_REFERENCES
from effigie.errors import UsageError
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

MAX_SAMPLES = 24  # of a clip: enough to see every pose, 40 ms each
MAX_FRAMES = 3000  # frames of a clip that are looked through
MIN_FACE_SIZE = 64  # px, side of the face's crop; the network reads 112
BYSTANDER_WIDTH_RATIO = 0.5  # a face less than half as wide as the subject's stands behind them
MAX_OUTLIER_SHARE = 0.1  # of a clip's looks may show somebody else passing, or a face that is hidden


@dataclass(frozen=True)
class _FaceSample:
    """The embedding of a picture's largest face, None where it is too small; whether another is about as large."""

    embedding: Embedding | None
    multiple_people: bool


def compute_references(
    photos: Sequence[Path], progress: ProgressCallback = ignore_progress, cancel: CancelToken | None = None
) -> np.ndarray:
    """(n, 128) float32 unit embeddings, n of 1 to 8, of the one person whom photos and clips show.

    Args:
        photos: files; each must show the same person, and nobody else as large.
    """
    if not photos:
        raise UsageError("a record needs a photo or clip of the person: --photo FILE")
    embeddings = []
    for number, path in enumerate(photos):
        progress(Progress("look at photos", number, len(photos), "files", path.name))
        embeddings.append(embed_file(path, cancel))
    progress(Progress("look at photos", len(photos), len(photos), "files"))
    _check_same_person(photos, embeddings)
    return _cluster_references(np.concatenate(embeddings))


def embed_file(path: Path, cancel: CancelToken | None = None) -> np.ndarray:
    """(N, 128) float32 unit embeddings of the person in a photo or clip, one a sample."""
    samples = _sample_faces(path, cancel)
    usable = [sample.embedding for sample in samples if sample.embedding is not None]
    if not samples:
        raise UsageError(f"no face in {path}: take a sharp picture of the person, facing the camera")
    if sum(sample.multiple_people for sample in samples) > MAX_OUTLIER_SHARE * len(samples):
        raise UsageError(f"{path} shows several people: cut out the one whom the record is for")
    if not usable:
        raise UsageError(f"the face in {path} is smaller than {MIN_FACE_SIZE} pixels: take a larger picture")
    vectors = np.stack(usable)
    return vectors[_majority_mask(path, vectors)]


def _majority_mask(path: Path, vectors: np.ndarray) -> np.ndarray:
    """(N,) bool: the samples of the person whom most of them show."""
    from effigie.faces.recognizer import SAME_PERSON_SIMILARITY

    middle = int(np.argmax(np.median(vectors @ vectors.T, axis=1)))
    majority = vectors @ vectors[middle] >= SAME_PERSON_SIMILARITY
    if majority.sum() < (1 - 2 * MAX_OUTLIER_SHARE) * len(vectors):
        raise UsageError(f"{path} shows different people, or hardly a face that is not hidden: choose another")
    return majority


def _sample_faces(path: Path, cancel: CancelToken | None) -> list[_FaceSample]:
    """Frames that show a face, spread over a clip."""
    from effigie.assets import REQUIRED_ASSETS, fetch_assets
    from effigie.faces.analyzer import analyze
    from effigie.faces.recognizer import IdentityModel
    from effigie.faces.tracker import Tracker
    from effigie.media import VideoReader

    fetch_assets(REQUIRED_ASSETS)
    tracker, identity = Tracker(), IdentityModel(fold_constants=False)
    samples = []
    with VideoReader(path, stop=MAX_FRAMES) as reader:
        frames = min(reader.info.frames or MAX_FRAMES, MAX_FRAMES)
        step = max(1, frames // MAX_SAMPLES)
        for frame in reader:
            if cancel is not None:
                cancel.check()
            if frame.index % step:
                continue
            tracker.reset()  # every frame by itself
            (item,) = analyze([frame], tracker)
            sides = [float(np.exp(face.placement[2])) for face in item.faces]
            if not sides:
                continue
            multiple_people = len(sides) > 1 and sides[1] >= BYSTANDER_WIDTH_RATIO * sides[0]
            is_large = sides[0] >= MIN_FACE_SIZE
            embedding = identity.embed(frame.image, item.faces[0].landmarks) if is_large else None
            samples.append(_FaceSample(embedding, multiple_people))
    return samples


def _check_same_person(photos: Sequence[Path], embeddings: Sequence[np.ndarray]) -> None:
    from effigie.faces.recognizer import SAME_PERSON_SIMILARITY, normalize_embedding

    means = np.stack([normalize_embedding(vectors.mean(axis=0)) for vectors in embeddings])
    cosines = means @ means.T
    middle = int(np.argmax(np.median(cosines, axis=1)))
    for path, cosine in zip(photos, cosines[middle], strict=True):
        if cosine < SAME_PERSON_SIMILARITY:
            raise UsageError(f"{path} and {photos[middle]} show different people: a record is for one person")


def _cluster_references(vectors: np.ndarray) -> np.ndarray:
    """At most eight: means of clusters of samples, which say more than single samples and less of any one picture."""
    from scipy.cluster.hierarchy import fcluster, linkage

    from effigie.faces.recognizer import normalize_embedding

    if len(vectors) <= MAX_REFERENCES:
        return vectors
    labels = fcluster(linkage(vectors, "average", metric="cosine"), MAX_REFERENCES, "maxclust")
    means = [vectors[labels == label].mean(axis=0) for label in np.unique(labels)]
    return np.stack([normalize_embedding(mean) for mean in means])
