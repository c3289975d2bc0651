"""Drops faces from a set: by person, by filter, by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np

from effigie.errors import UsageError
from effigie.faceset.columns import Faces
from effigie.faceset.store import FaceSet
from effigie.io.locks import lock_output
from effigie.progress import format_count

FACE_ADDRESS = re.compile(r"(?:part-(?P<part>[\w-]+)\.parquet|(?P<clip>[\w-]+)):(?P<frame>\d+):(?P<track>-?\d+)")
EXPORTED_NAME = re.compile(r"(?:\d+\.)?(?P<clip>[\w-]+)\.f(?P<frame>\d+)\.t(?P<track>-?\d+)\.(?:jpe?g|png)")


@dataclass(frozen=True)
class DropReport:
    """Result of a drop: ``faces``, and by clip; ``remaining`` in the set; ``dry_run``: nothing was written."""

    faces: int
    by_clip: dict[str, int]
    remaining: int
    dry_run: bool


def drop(
    faceset: FaceSet | str | Path,
    clusters: Collection[int] = (),
    where: str | None = None,
    names: Collection[str] = (),
    dry_run: bool = False,
) -> DropReport:
    """Drop every face that matches any of the conditions, permanently, and record it in ``faceset.json``.

    Only parts that lose a face are rewritten; all are complete before the first old one is replaced.
    Cluster numbers go by size, so they can change afterwards.

    Example::

        drop("anna.faces", clusters=[1])                         # the second person
        drop("anna.faces", where="sharpness < 8 or confidence < 0.5", dry_run=True)
        drop("anna.faces", names=["interview:120:0"])

    Args:
        clusters: people, as numbered by :meth:`FaceSet.people`.
        names: ``clip:frame:track``, a part's file name standing for its clip if need be, or file names of
            :func:`~effigie.faceset.export.export`.

    Raises:
        UsageError: no condition, an unknown cluster or face, or nobody would be left.
        EffigieError: the set cannot be read or written, or somebody else is writing it.
    """
    if not clusters and where is None and not names:
        raise UsageError("nothing to drop: name a cluster, a filter or faces")
    faceset = FaceSet.from_path(faceset)
    keep = {name: np.ones(source.faces, bool) for name, source in faceset.sources.items()}
    order = list(keep)
    for part, row in _select_rows(faceset, clusters, where, names):
        keep[order[part]][row] = False
    by_clip = {name: int((~rows).sum()) for name, rows in keep.items() if not rows.all()}
    count = sum(by_clip.values())
    if count == len(faceset):
        raise UsageError(
            f"that would drop all {format_count(count, 'face')} of {faceset.path}: remove the folder if you mean it"
        )
    if count and not dry_run:
        record = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "clusters": sorted(clusters),
            "where": where,
            "names": list(names),
            "faces": count,
            "ranges": _frame_ranges(faceset.load([]), keep, order),
        }
        with lock_output(faceset.path):
            faceset.rewrite({name: keep[name] for name in by_clip}, record)
    return DropReport(count, by_clip, len(faceset) - (count if dry_run else 0), dry_run)


def parse_face_name(name: str) -> tuple[str, int, int]:
    """Parse clip, frame and track from ``clip:frame:track`` or an exported file's name or path."""
    match = FACE_ADDRESS.fullmatch(name) or EXPORTED_NAME.fullmatch(Path(name).name)
    if not match:
        raise UsageError(f"{name!r} names no face: write clip:frame:track or an exported file's name")
    groups = match.groupdict()
    return groups["clip"] or groups["part"], int(match["frame"]), int(match["track"])


def _select_rows(
    faceset: FaceSet, clusters: Collection[int], where: str | None, names: Collection[str]
) -> Iterable[tuple[int, int]]:
    """Part and row of each chosen face, perhaps repeatedly."""
    if clusters:
        cluster_numbers = [person.cluster for person in faceset.people()]
        if unknown := sorted(set(clusters).difference(cluster_numbers)):
            raise UsageError(
                f"{faceset.path} has no cluster {unknown[0]}; it has {', '.join(map(str, cluster_numbers))}"
            )
        faces = faceset.load(["cluster"])
        yield from _row_addresses(faces.take(np.isin(faces.cluster, list(clusters))))
    if where is not None:
        yield from _row_addresses(faceset.load([], where))
    if names:
        faces = faceset.load([])
        rows = {key: index for index, key in enumerate(_keys(faces))}
        for name in names:
            if (key := parse_face_name(name)) not in rows:
                raise UsageError(f"{faceset.path} holds no face {name!r}; `effigie faces sort` lists them")
            yield int(faces.part[rows[key]]), int(faces.row[rows[key]])


def _row_addresses(faces: Faces) -> Iterable[tuple[int, int]]:
    return zip(faces.part.tolist(), faces.row.tolist(), strict=True)


def _keys(faces: Faces) -> Iterable[tuple[str, int, int]]:
    return zip(faces.clip, faces.frame.tolist(), faces.track.tolist(), strict=True)


def _frame_ranges(faces: Faces, keep: dict[str, np.ndarray], order: list[str]) -> list[str]:
    """Dropped faces as ``clip:first-last:track``: every stored face of that track in between went."""
    tracks: dict[tuple[str, int], list[tuple[int, bool]]] = {}
    for (clip, frame, track), (part, row) in zip(_keys(faces), _row_addresses(faces), strict=True):
        tracks.setdefault((clip, track), []).append((frame, bool(keep[order[part]][row])))
    texts = []
    for (clip, track), rows in tracks.items():
        for is_kept, run in groupby(sorted(rows), key=lambda row: row[1]):
            frames = [frame for frame, _ in run]
            if not is_kept:
                span = str(frames[0]) if frames[0] == frames[-1] else f"{frames[0]}-{frames[-1]}"
                texts.append(f"{clip}:{span}:{track}")
    return texts
