"""Exports faces as JPEG files with a CSV table."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.errors import FaceSetError
from effigie.faceset.columns import Faces
from effigie.faceset.sorting import load_measures, sort_indices
from effigie.faceset.store import FaceSet
from effigie.io.atomic_write import atomic_write
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

TABLE_COLUMNS = (
    *("time", "cluster", "identity", "sharpness", "confidence", "yaw", "pitch", "roll"),
    *("width", "height", "mouth", "eyes"),
)


@dataclass(frozen=True)
class ExportReport:
    """Result of an export: ``pictures`` JPEGs and a ``faces.csv`` in ``folder``."""

    folder: Path
    pictures: int


def export(
    faceset: FaceSet | str | Path,
    folder: str | Path,
    by: str | None = None,
    descending: bool = False,
    where: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> ExportReport:
    """Write crops as JPEGs, byte for byte as stored, and ``faces.csv`` with a row each; whole or not at all.

    Names are ``clip.f0000120.t00.jpg``; with ``by`` they start with a running number in that order,
    ``000001.clip.f0000120.t00.jpg``, so that a file browser shows it.
    :func:`~effigie.faceset.edit.drop` takes these names.

    Args:
        folder: new or empty.
        by: order, a key of :data:`~effigie.faceset.measures.MEASURES`; None leaves clip, frame, track.

    Raises:
        FaceSetError: the set cannot be read, the filter chooses nobody, or the folder is not empty.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FaceSetError(f"{folder} exists and is not empty: choose another folder to export into")
    faces = load_measures(faceset, [*TABLE_COLUMNS, *([by] if by else [])], where, progress, cancel)
    names = [faces.name(index) for index in range(len(faces))]
    ranked = np.arange(len(faces))
    if by:
        ranked = sort_indices(faces[by], descending)
        for rank, index in enumerate(ranked.tolist(), start=1):
            names[index] = f"{rank:06d}.{names[index]}"
    with atomic_write(folder) as temporary:
        temporary.mkdir()
        # In the order of storage, whatever the order of names: each row group is then read once.
        for index, name in enumerate(names):
            if cancel:
                cancel.check()
            (temporary / name).write_bytes(faces.jpeg_bytes(index))
            progress(Progress("export", index + 1, len(names), "faces"))
        _write_table(temporary / "faces.csv", faces, names, ranked)
    return ExportReport(folder, len(names))


def _write_table(path: Path, faces: Faces, names: list[str], ranked: np.ndarray) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "clip", "frame", "track", *TABLE_COLUMNS])
        for index in ranked:
            values = [f"{faces[name][index]:.6g}" for name in TABLE_COLUMNS]
            rows.writerow([names[index], faces.clip[index], faces.frame[index], faces.track[index], *values])
