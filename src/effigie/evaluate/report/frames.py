"""Table of per-frame measurements, from which scores are computed and bad frames are found."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from effigie.io.atomic_write import atomic_write


class FrameTable:
    """Rows of numbers under fixed names, ``frame`` among them, eight bytes each; what was not measured is NaN."""

    def __init__(self, names: Sequence[str]) -> None:
        self._columns = {name: array("d") for name in names}

    def __len__(self) -> int:
        return len(self._columns["frame"])

    def __getitem__(self, name: str) -> np.ndarray:
        """(N,) float64, a copy."""
        return np.array(self._columns[name], np.float64)

    def stack(self, *names: str) -> np.ndarray:
        """(N, len(names)) float64."""
        return np.stack([self[name] for name in names], axis=1)

    def complete_rows(self, *names: str) -> np.ndarray:
        """(M, len(names)) float64: the rows in which all of these were measured."""
        rows = self.stack(*names)
        return rows[~np.isnan(rows).any(1)]

    @property
    def names(self) -> list[str]:
        return list(self._columns)

    def add(self, values: Mapping[str, float]) -> None:
        """One more row."""
        if unknown := values.keys() - self._columns.keys():
            raise ValueError(f"no such columns: {', '.join(sorted(unknown))}")
        for name, column in self._columns.items():
            column.append(values.get(name, math.nan))

    def rows(self) -> Iterator[dict[str, float | int | None]]:
        """Row by row as JSON values: whole numbers as such, None for NaN."""
        for values in zip(*self._columns.values(), strict=True):
            yield {name: _plain(value) for name, value in zip(self._columns, values, strict=True)}


def merge_rows(pictures: FrameTable, faces: Sequence[FrameTable]) -> Iterator[dict[str, Any]]:
    """Rows of frames and of the faces in them, in the order of the frames; a frame without a face has one row."""
    iterators = [iter(table.rows()) for table in faces]
    waiting = [next(rows, None) for rows in iterators]
    for picture in pictures.rows():
        has_face = False
        for number, row in enumerate(waiting):
            if row is not None and row["frame"] == picture["frame"]:
                yield {**picture, "person": number, **row}
                waiting[number] = next(iterators[number], None)
                has_face = True
        if not has_face:
            yield {**picture, "person": None}


def write_csv(path: Path, pictures: FrameTable, faces: Sequence[FrameTable]) -> None:
    """Write :func:`merge_rows` rows with a heading, empty where nothing was measured; whole or not at all."""
    names = [*pictures.names, "person", *(name for name in faces[0].names if name not in pictures.names)]
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for row in merge_rows(pictures, faces):
            writer.writerow({name: _text(value) for name, value in row.items()})


def _plain(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value


def _text(value: float | int | None) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
