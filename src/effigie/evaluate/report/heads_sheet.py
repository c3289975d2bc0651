"""Contact sheet of the talking-heads table: a row for every method, a column for every moment."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.faceset.plots.drawing import BACKGROUND, DIM, TEXT, draw_text

SIDE, GAP, LABEL, MARGIN, TITLE = 144, 4, 150, 8, 40
MISSING = (48, 48, 54)


@dataclass
class HeadsSheet:
    """Pictures of some moments, kept small while a protocol goes through them."""

    columns: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    _cells: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def add(self, row: str, column: str, picture: Image) -> None:
        """Put an (S, S, 3) uint8 picture in its place; rows and columns come in the order of their first picture."""
        for names, name in ((self.rows, row), (self.columns, column)):
            if name not in names:
                names.append(name)
        way = cv2.INTER_AREA if picture.shape[0] > SIDE else cv2.INTER_CUBIC
        self._cells[row, column] = cv2.resize(picture, (SIDE, SIDE), interpolation=way)

    def draw(self, title: str) -> np.ndarray:
        """(H, W, 3) uint8 RGB; places without a picture stay dark."""
        step = SIDE + GAP
        height = TITLE + len(self.rows) * step + MARGIN
        image = np.full((height, LABEL + max(1, len(self.columns)) * step + MARGIN, 3), BACKGROUND, np.uint8)
        draw_text(image, title, (MARGIN, 16), 0.45, TEXT)
        for number, column in enumerate(self.columns):
            draw_text(image, _cut(column), (LABEL + number * step, TITLE - 6), 0.35, DIM)
        for place, row in enumerate(self.rows):
            top = TITLE + place * step
            draw_text(image, row, (MARGIN, top + SIDE // 2), 0.4, TEXT)
            for number, column in enumerate(self.columns):
                left = LABEL + number * step
                image[top : top + SIDE, left : left + SIDE] = self._cells.get((row, column), MISSING)
        return image


def _cut(text: str, most: int = 24) -> str:
    return text if len(text) <= most else text[: most - 2] + ".."
