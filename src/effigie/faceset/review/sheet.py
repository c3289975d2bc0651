"""Contact sheet of a review: a row of faces for every fault."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from effigie.faceset import Faces
from effigie.faceset.plots.drawing import BACKGROUND, DIM, TEXT, draw_text, write_png

SIZE, COLUMNS, GAP, MARGIN, HEADING, TITLE = 112, 10, 6, 10, 26, 36


def draw_review_sheet(path: Path, faces: Faces, rows: Sequence[tuple[str, Sequence[int]]], title: str) -> None:
    """Write a PNG with up to ten faces of every row (heading, indices of faces), evenly spread over it."""
    step = HEADING + SIZE + GAP
    height = TITLE + max(1, len(rows)) * step + MARGIN
    image = np.full((height, 2 * MARGIN + COLUMNS * (SIZE + GAP), 3), BACKGROUND, np.uint8)
    draw_text(image, title, (MARGIN, 23), 0.55, TEXT)
    if not rows:
        draw_text(image, "nothing to object to", (MARGIN, TITLE + 18), 0.45, DIM)
    for number, (heading, indices) in enumerate(rows):
        top = TITLE + number * step
        draw_text(image, heading, (MARGIN, top + 18), 0.45, TEXT)
        spread = np.linspace(0, len(indices) - 1, min(COLUMNS, len(indices))).round().astype(int)
        for place, position in enumerate(spread.tolist()):
            left = MARGIN + place * (SIZE + GAP)
            crop = faces.crop(int(indices[position]), SIZE)
            image[top + HEADING : top + HEADING + SIZE, left : left + SIZE] = crop
    write_png(path, image)
