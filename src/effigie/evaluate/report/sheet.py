"""Contact sheet of a swap's worst frames, input beside output: overall, by every metric, and the ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.evaluate.report.frames import FrameTable
from effigie.evaluate.report.worst import FRAME_METRICS, SelectedFrame, select_worst, worst_overall
from effigie.faceset.plots.drawing import BACKGROUND, DIM, TEXT, draw_text
from effigie.media import VideoReader
from effigie.progress import CancelToken

SIDE = 192  # px of a shown face
ALL_ROWS = 4  # of the worst of all
GAP, LABEL, MARGIN = 6, 18, 10

FramePair = tuple[np.ndarray, np.ndarray]  # input, output


@dataclass(frozen=True)
class SheetRow:
    """A heading and the frames under it; an empty heading goes on with the row above."""

    heading: str
    chosen: list[SelectedFrame]


def draw_sheet(
    output: str | Path,
    original: str | Path,
    people: Sequence[FrameTable],
    title: str,
    columns: int,
    cancel: CancelToken | None = None,
) -> np.ndarray:
    """(H, W, 3) uint8 RGB: everybody's worst frames, read once more from both clips; the first and last whole."""
    rows = [select_rows(table, columns) for table in people]
    rows_by_frame: dict[int, list[tuple[int, int]]] = {}
    for person, person_rows in enumerate(rows):
        for selection in (one for row in person_rows for one in row.chosen):
            rows_by_frame.setdefault(selection.frame, []).append((person, selection.row))
    boxes = [table.stack("x0", "y0", "x1", "y1") for table in people]
    faces: dict[tuple[int, int], FramePair] = {}
    ends: list[tuple[str, FramePair]] = []
    with VideoReader(output) as first, VideoReader(original) as second:
        for output_frame, input_frame in zip(first, second, strict=False):
            (cancel or CancelToken()).check()
            pictures = input_frame.image, output_frame.image[: input_frame.image.shape[0], : input_frame.image.shape[1]]
            for person, row in rows_by_frame.get(output_frame.index, ()):
                box = boxes[person][row]
                faces[person, row] = crop_box(pictures[0], box), crop_box(pictures[1], box)
            ends = [*ends[:1], (f"frame {output_frame.index}", pictures)]
    parts = []
    for person, person_rows in enumerate(rows):
        name = f"{title}, person {person + 1}" if len(people) > 1 else title
        mine = {row: both for (owner, row), both in faces.items() if owner == person}
        parts.append(draw_rows(person_rows, mine, name, columns))
    return np.vstack([*parts, draw_ends(ends, parts[0].shape[1])]) if ends else np.vstack(parts)


def select_rows(table: FrameTable, columns: int) -> list[SheetRow]:
    """The worst of all, then each metric that was measured."""
    worst = worst_overall(table, ALL_ROWS * columns)
    lines = [worst[start : start + columns] for start in range(0, len(worst), columns)]
    rows = [SheetRow("" if number else "worst of all", line) for number, line in enumerate(lines)]
    rows += [SheetRow(measure.name, select_worst(table, measure, columns)) for measure in FRAME_METRICS]
    return [row for row in rows if row.chosen]


def crop_box(image: Image, box: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE, 3) square of ``image`` around a (4,) box x0 y0 x1 y1, with some surroundings."""
    low, high = box[:2], box[2:]
    scale = SIDE / (1.3 * max(float((high - low).max()), 1.0))
    center = (low + high) / 2
    matrix = np.array([[scale, 0, SIDE / 2 - scale * center[0]], [0, scale, SIDE / 2 - scale * center[1]]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def draw_rows(rows: Sequence[SheetRow], faces: Mapping[int, FramePair], title: str, columns: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB: a titled row of input | output pairs for each row; ``faces``: by row of the table."""
    cell = 2 * SIDE + GAP
    width = 2 * MARGIN + columns * cell + (columns - 1) * 2 * GAP
    heights = [LABEL * (1 + bool(row.heading)) + SIDE + GAP for row in rows]
    tops = np.cumsum([MARGIN + 2 * LABEL - 8, *heights])
    image = np.full((int(tops[-1]), width, 3), BACKGROUND, np.uint8)
    draw_text(image, f"{title}    input | output, worst first", (MARGIN, MARGIN + 14), 0.5, TEXT)
    for row, (top, _) in zip(rows, pairwise(tops), strict=True):
        draw_text(image, row.heading, (MARGIN, int(top) + 13), 0.45, TEXT)
        y = int(top) + LABEL * bool(row.heading)
        for position, selection in enumerate(row.chosen):
            x = MARGIN + position * (cell + 2 * GAP)
            for offset, picture in zip((0, SIDE + GAP // 2), faces.get(selection.row, ()), strict=False):
                image[y : y + SIDE, x + offset : x + offset + SIDE] = picture
            draw_text(image, f"{selection.frame}: {selection.text}", (x, y + SIDE + 13), 0.4, DIM)
    return image


def draw_ends(ends: Sequence[tuple[str, FramePair]], width: int) -> np.ndarray:
    """(H, width, 3) uint8 RGB: whole frames, input | output, for each (heading, pictures)."""
    cell_width = (width - 2 * MARGIN - 3 * GAP) // 4
    cells = []
    for heading, pictures in ends:
        sizes = [(cell_width, max(1, round(p.shape[0] * cell_width / p.shape[1]))) for p in pictures]
        thumbnails = [
            cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p, size in zip(pictures, sizes, strict=True)
        ]
        cells.append((heading, thumbnails))
    height = max(max(p.shape[0] for p in shown) for _, shown in cells)
    image = np.full((LABEL + height + MARGIN, width, 3), BACKGROUND, np.uint8)
    for position, (heading, thumbnails) in enumerate(cells):
        x = MARGIN + 2 * position * (cell_width + GAP)
        draw_text(image, heading, (x, 13), 0.45, TEXT)
        for number, picture in enumerate(thumbnails):
            left = x + number * (cell_width + GAP)
            image[LABEL : LABEL + picture.shape[0], left : left + cell_width] = picture
    return image
