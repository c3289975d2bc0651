"""Sorts faces by a measure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from effigie.errors import FaceSetError, UsageError
from effigie.faceset.columns import Faces
from effigie.faceset.filter import Filter
from effigie.faceset.measures import MEASURES, get_measure
from effigie.faceset.store import FaceSet
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

KEY_COLUMNS = ("clip", "frame", "track")


def sort_faces(
    faceset: FaceSet | str | Path,
    by: str = "sharpness",
    descending: bool = False,
    where: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Faces:
    """Sort faces by a measure; the set on disk is unchanged.

    Example::

        blurred = sort_faces("anna.faces", by="sharpness", where="cluster == 0")
        print(blurred.name(0), blurred["sharpness"][0])

    Args:
        by: a key of :data:`~effigie.faceset.measures.MEASURES`: sharpness, yaw, pitch, roll, time,
            confidence, size, mouth, eyes, identity (cosine distance to the main person), a blendshape ...
        descending: largest first. Ties keep the order of clip, frame, track.

    Returns:
        Faces with the columns clip, frame, track and ``by``.

    Raises:
        FaceSetError: the set cannot be read, or the filter chooses nobody.
    """
    faces = load_measures(faceset, [by], where, progress, cancel)
    return faces.take(sort_indices(faces[by], descending))


def sort_indices(values: np.ndarray, descending: bool = False) -> np.ndarray:
    """Indices that sort values (N,), numbers or strings, stably; NaN comes last either way."""
    ranks = np.unique(values.astype(str), return_inverse=True)[1] if values.dtype == object else values
    return np.argsort(-np.asarray(ranks, np.float64) if descending else ranks, kind="stable")


def load_measures(
    faceset: FaceSet | str | Path,
    names: Iterable[str],
    where: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Faces:
    """Load measures of every chosen face, a column each, beside clip, frame and track.

    Landmarks and other wide columns are read a batch at a time and let go: about 100 bytes a face stay.

    Raises:
        FaceSetError: the set cannot be read, or the filter chooses nobody.
    """
    faceset = FaceSet.from_path(faceset)
    needs = list(dict.fromkeys((*KEY_COLUMNS, *names)))
    columns = {column for name in needs for column in get_measure(name).columns}
    batches = []
    count = 0
    for batch in faceset.batches(columns, Filter(where) if where else None):
        if cancel:
            cancel.check()
        batches.append(batch.with_columns({name: MEASURES[name].compute(batch) for name in needs}))
        count += len(batch)
        progress(Progress("read faces", count, None if where else len(faceset), "faces"))
    if not batches:
        raise FaceSetError(f"{faceset.path}: no face matches {where!r}")
    return Faces.concatenate(batches)


def check_positive(**numbers: int) -> None:
    """Raise UsageError unless every number is at least one."""
    for name, number in numbers.items():
        if number < 1:
            raise UsageError(f"{name} must be at least 1, not {number}")
