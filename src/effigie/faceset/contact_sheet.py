"""The contact sheet: faces of each person side by side, in any order, on one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.faceset.clustering import UNKNOWN
from effigie.faceset.columns import Faces
from effigie.faceset.drawing import BACKGROUND, DIM, TEXT, write_png, write_text
from effigie.faceset.sorting import check_positive, measured, order
from effigie.faceset.store import FaceSet
from effigie.progress import Cancel, ProgressCallback, silent

TITLE, HEADING, LABEL, GAP = 34, 28, 16, 4
MARGIN = 8


@dataclass(frozen=True)
class Sheet:
    """What was drawn: ``shown`` of ``faces`` in ``people`` groups, ``width`` x ``height`` px."""

    path: Path
    shown: int
    faces: int
    people: int
    width: int
    height: int


def sheet(
    faceset: FaceSet | str | Path,
    output: str | Path,
    by: str = "sharpness",
    descending: bool = False,
    where: str | None = None,
    count: int = 120,
    size: int = 112,
    columns: int = 12,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
) -> Sheet:
    """Draw a contact sheet to a PNG, grouped by person, each group in order.

    Args:
        faceset: a face set or its folder.
        output: the PNG to write.
        by: order within a group, a key of :data:`~effigie.faceset.measures.MEASURES`.
        descending: largest first.
        where: only faces that a filter chooses.
        count: faces at most; they are taken evenly over the order, so both ends show.
        size: edge of a face on the sheet, px.
        columns: faces a row.
        progress: told of faces read.
        cancel: stops between batches.

    Raises:
        UsageError: a wrong key, filter or number.
        FaceSetError: the set cannot be read, or the filter chooses nobody.
        EffigieError: the picture cannot be written.
    """
    check_positive(count=count, size=size, columns=columns)
    faceset = FaceSet.of(faceset)
    faces = measured(faceset, [by, "cluster", "sharpness"], where, progress, cancel)
    groups = choose(faces["cluster"], faces[by], descending, count, columns)
    direction = "falling" if descending else "rising"
    shown = sum(len(group) for group in groups)
    title = f"{faceset.path.name}: {shown} of {len(faces)} faces, {by} {direction}" + (
        f", {where}" if where else ""
    )
    image = draw(faces, groups, by, title, size, columns)
    write_png(Path(output), image)
    return Sheet(Path(output), shown, len(faces), len(groups), image.shape[1], image.shape[0])


def choose(
    clusters: np.ndarray, values: np.ndarray, descending: bool, count: int, columns: int
) -> list[np.ndarray]:
    """Which faces to show: one array of indices per person, evenly spread over its sorted faces.

    Every person gets up to a row while ``count`` lasts, people with the most faces first; the rest is shared
    out by size, so a handful of strangers among thousands of faces is seen.

    Args:
        clusters: (N,) person of each face.
        values: (N,) what to sort by.
        descending: largest first.
        count: faces at most.
        columns: faces a row.
    """
    labels, totals = np.unique(clusters, return_counts=True)
    ranked = sorted(range(len(labels)), key=lambda i: (labels[i] == UNKNOWN, -totals[i]))
    quotas = np.zeros(len(labels), np.int64)
    for i in ranked:
        quotas[i] = min(columns, totals[i], count - quotas.sum())
    spare = count - quotas.sum()
    more = (totals - quotas) * (quotas > 0)
    if more.sum():
        quotas += np.minimum(more, spare * more // more.sum())
    groups = []
    for i in ranked:
        if quotas[i]:
            members = np.flatnonzero(clusters == labels[i])
            members = members[order(values[members], descending)]
            groups.append(members[np.linspace(0, len(members) - 1, quotas[i]).round().astype(np.int64)])
    return groups


def draw(faces: Faces, groups: list[np.ndarray], by: str, title: str, size: int, columns: int) -> np.ndarray:
    """The sheet as (H, W, 3) uint8 RGB; ``faces`` holds clip, frame, track, cluster, sharpness and ``by``."""
    rows = [-(-len(group) // columns) for group in groups]
    cell = size + LABEL + GAP
    width = max(2 * MARGIN + columns * (size + GAP), 360)
    height = TITLE + sum(HEADING + count * cell for count in rows) + MARGIN
    image = np.full((height, width, 3), BACKGROUND, np.uint8)
    write_text(image, title, (MARGIN, 23), 0.55, TEXT)
    top = TITLE
    totals = dict(zip(*np.unique(faces["cluster"], return_counts=True), strict=True))
    for group, count in zip(groups, rows, strict=True):
        label = int(faces["cluster"][group[0]])
        name = "unknown" if label == UNKNOWN else f"cluster {label}"
        share = 100 * totals[label] / len(faces)
        write_text(image, f"{name}: {totals[label]} faces, {share:.1f} %", (MARGIN, top + 19), 0.45, TEXT)
        for position, index in enumerate(group):
            x = MARGIN + position % columns * (size + GAP)
            y = top + HEADING + position // columns * cell
            image[y : y + size, x : x + size] = faces.crop(int(index), size)
            write_text(image, _label(faces, int(index), by, size), (x, y + size + 12), 0.34, DIM)
        top += HEADING + count * cell
    return image


def _label(faces: Faces, index: int, by: str, size: int) -> str:
    """Cluster, frame, sharpness, and the sorting value if it is another; what does not fit is left out."""
    parts = [f"{faces['cluster'][index]}", f"f{faces['frame'][index]}", f"s{faces['sharpness'][index]:.0f}"]
    if by not in ("sharpness", "frame", "clip", "cluster"):
        parts.append(f"{float(faces[by][index]):.3g}")
    fits = size // 6
    while len(parts) > 1 and len("  ".join(parts)) > fits:
        parts.pop(0)
    return "  ".join(parts)
