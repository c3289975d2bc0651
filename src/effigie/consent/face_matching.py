"""Face matching: the faces of an output's subject, and their cosine similarity to a record's references."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from effigie.arrays import Embedding
from effigie.consent.terms import EMBEDDING_SIZE, Terms
from effigie.io.measurements import measure_once
from effigie.progress import format_count

if TYPE_CHECKING:
    from effigie.faceset import Faces

# Measured by `python -m benchmarks --only consent` on 82 Londoners, 388 congressmen and the people of the clips. Of
# 140,448 comparisons of different people 0.32 % pass SFace's published 0.363, and 8 (0.006 %) pass 0.45. The right
# person's other pictures pass both: of 582 none was below 0.51, the least with glasses drawn on and light from one
# side.
MATCH_THRESHOLD = 0.45
MIN_MATCHING_SHARE = 0.95  # of the faces shown must agree
SAMPLE_COUNT = 24  # pictures whose identity is measured afresh, half a second


@dataclass(frozen=True)
class SubjectFaces:
    """The faces of the person who will be shown.

    Attributes:
        embeddings: (N, 128) float32 unit; zeros where a face has none.
        clips: (N,) names of the clips they are from, for messages.
        sampled_embeddings: (M, 128) of some of the pictures themselves, measured now: a stored embedding is the mean
            of a track, and anybody can edit a column. None where there are no pictures.
    """

    embeddings: Embedding
    clips: np.ndarray
    sampled_embeddings: np.ndarray | None = None

    @classmethod
    def from_faces(cls, faces: Faces) -> SubjectFaces:
        """From face set rows with their ``embedding``, ``landmarks`` and ``matrix``.

        What the same pictures were measured to show once on this machine is not measured again.
        """
        from effigie.assets import ASSETS

        rows = np.unique(np.linspace(0, len(faces) - 1, min(SAMPLE_COUNT, len(faces))).astype(int))
        if not len(rows):
            return cls(faces.embedding, faces.clip)
        content = hashlib.sha256(ASSETS["sface"].digest.encode())
        for row in rows:
            content.update(faces["landmarks"][row].tobytes() + faces["matrix"][row].tobytes())
            content.update(faces.jpeg_bytes(int(row)))
        shape = (len(rows), EMBEDDING_SIZE)
        measured = measure_once(
            "identities",
            content.hexdigest(),
            lambda: _embed_rows(faces, rows).tolist(),
            lambda value: np.asarray(value, np.float32).shape == shape,
        )
        return cls(faces.embedding, faces.clip, np.asarray(measured, np.float32))

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or len(self.embeddings) != len(self.clips):
            raise ValueError(f"{self.embeddings.shape} embeddings of {len(self.clips)} clips")


def _embed_rows(faces: Faces, rows: np.ndarray) -> Embedding:
    """The embeddings of some rows' pictures, measured now."""
    from effigie.faces.crop import apply_affine
    from effigie.faces.recognizer import IdentityModel

    model = IdentityModel()
    return np.stack(
        [
            model.embed(
                faces.crop(int(row)), apply_affine(faces["matrix"][row].astype(np.float64), faces["landmarks"][row])
            )
            for row in rows
        ]
    )


def reference_similarity(consent: Terms, embeddings: Embedding) -> np.ndarray:
    """(N,) float32 cosine of each face with the nearest reference of a record, -1..1.

    Args:
        embeddings: (N, 128) unit; zeros, where a face has none, agree with nothing.
    """
    if not len(consent.embeddings):  # of a record of a voice alone
        return np.full(len(embeddings), -1, np.float32)
    vectors = np.asarray(embeddings, np.float32).reshape(-1, consent.embeddings.shape[1])
    # Longer than one they would agree with anybody; shorter ones, of blurred means, stay as they are.
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)
    return (vectors / lengths @ consent.embeddings.T).max(axis=1)


def describe_mismatches(clips: np.ndarray, cosines: np.ndarray, max_clips: int) -> str:
    """Name the clips with faces that do not match, the worst first: of (N,) clips and cosines of the faces."""
    names = clips.astype(str)
    mismatches = []
    for clip in np.unique(names):
        values = cosines[names == clip]
        if wrong := int((values < MATCH_THRESHOLD).sum()):
            text = (
                f"{clip} ({wrong} of {format_count(len(values), 'face')} differ, median cosine {np.median(values):.2f})"
            )
            mismatches.append((-wrong, text))
    mismatches.sort()
    rest = f" and {format_count(len(mismatches) - max_clips, 'more clip')}" if len(mismatches) > max_clips else ""
    return ", ".join(text for _, text in mismatches[:max_clips]) + rest
