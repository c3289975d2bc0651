"""Contact sheets: faces of each person, sorted, on one picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from effigie.faceset.clustering import UNKNOWN_CLUSTER
from effigie.faceset.columns import Faces
from effigie.faceset.plots.drawing import BACKGROUND, DIM, TEXT, draw_text, write_png
from effigie.faceset.sorting import check_positive, load_measures, sort_indices
from effigie.faceset.store import FaceSet
from effigie.io.stored_names import STORED_NAME
from effigie.progress import CancelToken, ProgressCallback, format_count, ignore_progress

TITLE, HEADING, LABEL, GAP = 34, 28, 16, 4
MARGIN = 8


@dataclass(frozen=True)
class ContactSheet:
    """Description of a contact sheet: ``faces_drawn`` of ``faces`` in ``people`` groups, ``width`` x ``height`` px."""

    path: Path
    faces_drawn: int = field(metadata={STORED_NAME: "shown"})
    faces: int
    people: int
    width: int
    height: int


def draw_contact_sheet(
    faceset: FaceSet | str | Path,
    output: str | Path,
    by: str = "sharpness",
    descending: bool = False,
    where: str | None = None,
    count: int = 120,
    size: int = 112,
    columns: int = 12,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> ContactSheet:
    """Draw a contact sheet to a PNG, grouped by person, each group in order.

    Args:
        by: order within a group, a key of :data:`~effigie.faceset.measures.MEASURES`.
        count: faces at most; they are taken evenly over the order, so both ends show.
        size: edge of a face on the sheet, px.
        columns: faces a row.

    Raises:
        FaceSetError: the set cannot be read, or the filter chooses nobody.
    """
    check_positive(count=count, size=size, columns=columns)
    faceset = FaceSet.from_path(faceset)
    faces = load_measures(faceset, [by, "cluster", "sharpness"], where, progress, cancel)
    groups = select_faces(faces["cluster"], faces[by], descending, count, columns)
    direction = "falling" if descending else "rising"
    faces_drawn = sum(len(group) for group in groups)
    title = f"{faceset.path.name}: {faces_drawn} of {len(faces)} faces, {by} {direction}"
    title += f", {where}" if where else ""
    image = render_contact_sheet(faces, groups, by, title, size, columns)
    write_png(Path(output), image)
    return ContactSheet(Path(output), faces_drawn, len(faces), len(groups), image.shape[1], image.shape[0])


def select_faces(
    clusters: np.ndarray, values: np.ndarray, descending: bool, count: int, columns: int
) -> list[np.ndarray]:
    """Select faces for a sheet: one array of indices per person, evenly spread over its sorted faces.

    Every person gets up to a row while ``count`` lasts, people with the most faces first; the rest is shared
    out by size, so a handful of strangers among thousands of faces is seen.
    """
    labels, totals = np.unique(clusters, return_counts=True)
    ranked = sorted(range(len(labels)), key=lambda i: (labels[i] == UNKNOWN_CLUSTER, -totals[i]))
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
            members = members[sort_indices(values[members], descending)]
            groups.append(members[np.linspace(0, len(members) - 1, quotas[i]).round().astype(np.int64)])
    return groups


def render_contact_sheet(
    faces: Faces, groups: list[np.ndarray], measure: str, title: str, size: int, columns: int
) -> np.ndarray:
    """The sheet, (H, W, 3) uint8 RGB; ``faces`` holds clip, frame, track, cluster, sharpness and ``measure``."""
    rows = [-(-len(group) // columns) for group in groups]
    cell = size + LABEL + GAP
    width = max(2 * MARGIN + columns * (size + GAP), 360)
    height = TITLE + sum(HEADING + count * cell for count in rows) + MARGIN
    image = np.full((height, width, 3), BACKGROUND, np.uint8)
    draw_text(image, title, (MARGIN, 23), 0.55, TEXT)
    top = TITLE
    totals = dict(zip(*np.unique(faces["cluster"], return_counts=True), strict=True))
    for group, count in zip(groups, rows, strict=True):
        label = int(faces["cluster"][group[0]])
        name = "unknown" if label == UNKNOWN_CLUSTER else f"cluster {label}"
        share = 100 * totals[label] / len(faces)
        draw_text(
            image, f"{name}: {format_count(totals[label], 'face')}, {share:.1f} %", (MARGIN, top + 19), 0.45, TEXT
        )
        for position, index in enumerate(group):
            x = MARGIN + position % columns * (size + GAP)
            y = top + HEADING + position // columns * cell
            image[y : y + size, x : x + size] = faces.crop(int(index), size)
            draw_text(image, _label(faces, int(index), measure, size), (x, y + size + 12), 0.34, DIM)
        top += HEADING + count * cell
    return image


def _label(faces: Faces, index: int, measure: str, size: int) -> str:
    """Cluster, frame, sharpness, and the sorting value if it is another; what does not fit is left out."""
    parts = [f"{faces['cluster'][index]}", f"f{faces['frame'][index]}", f"s{faces['sharpness'][index]:.0f}"]
    if measure not in ("sharpness", "frame", "clip", "cluster"):
        parts.append(f"{float(faces[measure][index]):.3g}")
    fits = size // 6
    while len(parts) > 1 and len("  ".join(parts)) > fits:
        parts.pop(0)
    return "  ".join(parts)
