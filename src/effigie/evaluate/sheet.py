"""A picture of where a swap is worst: input beside output, a row for every metric, first and last frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from effigie.evaluate.comparison import Comparison
from effigie.evaluate.worst import SIDE, Pair
from effigie.faceset.drawing import BACKGROUND, DIM, TEXT, write_text

GAP, LABEL, MARGIN = 6, 18, 10


def draw_sheet(comparison: Comparison, title: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB: the worst frames of a comparison, and the first and last whole."""
    rows = [(name, worst.pairs) for name, worst in comparison.worst.items()]
    top = draw_worst(rows, title, comparison.columns)
    return np.vstack([top, draw_ends(comparison.ends, top.shape[1])]) if comparison.ends else top


def draw_worst(rows: Sequence[tuple[str, Sequence[Pair]]], title: str, columns: int = 5) -> np.ndarray:
    """(H, W, 3) uint8 RGB: a titled row of input | output pairs for each (heading, pairs)."""
    cell = 2 * SIDE + GAP
    width = 2 * MARGIN + columns * cell + (columns - 1) * 2 * GAP
    drawn = [(heading, list(pairs)[:columns]) for heading, pairs in rows if pairs]
    step = LABEL + SIDE + LABEL + GAP
    image = np.full((MARGIN + 2 * LABEL + len(drawn) * step, width, 3), BACKGROUND, np.uint8)
    write_text(image, f"{title}    input | output, worst first", (MARGIN, MARGIN + 14), 0.5, TEXT)
    top = MARGIN + 2 * LABEL - 8
    for heading, pairs in drawn:
        write_text(image, heading, (MARGIN, top + 13), 0.45, TEXT)
        y = top + LABEL
        for position, pair in enumerate(pairs):
            x = MARGIN + position * (cell + 2 * GAP)
            for offset, picture in ((0, pair.input), (SIDE + GAP // 2, pair.output)):
                image[y : y + SIDE, x + offset : x + offset + SIDE] = picture
            write_text(image, f"frame {pair.frame}: {pair.text}", (x, y + SIDE + 13), 0.4, DIM)
        top += step
    return image


def draw_ends(ends: Sequence[tuple[str, np.ndarray, np.ndarray]], width: int) -> np.ndarray:
    """(H, width, 3) uint8 RGB: whole frames, input | output, for each (heading, input, output)."""
    each = (width - 2 * MARGIN - 3 * GAP) // 4
    cells = []
    for heading, *pictures in ends:
        shown = [
            cv2.resize(p, (each, max(1, round(p.shape[0] * each / p.shape[1]))), interpolation=cv2.INTER_AREA)
            for p in pictures
        ]
        cells.append((heading, shown))
    height = max(max(p.shape[0] for p in shown) for _, shown in cells)
    image = np.full((LABEL + height + MARGIN, width, 3), BACKGROUND, np.uint8)
    for position, (heading, shown) in enumerate(cells):
        x = MARGIN + 2 * position * (each + GAP)
        write_text(image, heading, (x, 13), 0.45, TEXT)
        for number, picture in enumerate(shown):
            left = x + number * (each + GAP)
            image[LABEL : LABEL + picture.shape[0], left : left + each] = picture
    return image
