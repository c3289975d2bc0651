"""The curve of a training run: an append-only CSV of losses and held-out figures by step and time."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from effigie.io.atomic_write import WRITE_ERRNOS, atomic_write, convert_os_error

LEADING_COLUMNS = ("step", "seconds", "held_out_error", "loss")
EXTRA_CELLS = "beyond the columns"
PART_PREFIX = "held_out_error_"
"""Prefix of the columns of the held-out error's parts."""


@dataclass(frozen=True)
class CurvePoint:
    """One row: after ``step`` steps and ``seconds`` of training in all, the ``values`` known then.

    ``loss`` and each term are means since the row before; ``held_out_error`` and other ``held_out_*`` figures
    are there after an evaluation.
    """

    step: int
    seconds: float
    values: dict[str, float]

    @property
    def error(self) -> float | None:
        """The held-out error, if this row has one."""
        return self.values.get("held_out_error")


def read_curve(path: Path) -> list[CurvePoint]:
    """The rows of a curve file; a last line cut short by a crash is left out, and so are damaged ones: nothing but the
    drawing depends on them. No file is an empty curve."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="replace").replace("\0", "")
    whole = text[: text.rfind("\n") + 1]
    points: list[CurvePoint] = []
    rows = csv.DictReader(io.StringIO(whole), restkey=EXTRA_CELLS)
    while True:
        try:
            row = next(rows)
            values = {name: float(cell) for name, cell in row.items() if name not in LEADING_COLUMNS[:2] and cell}
            points.append(CurvePoint(int(row["step"]), float(row["seconds"]), values))
        except StopIteration:
            return points
        except (ValueError, KeyError, TypeError, csv.Error):
            continue


class Curve:
    """The curve file at ``path``, opened at ``step``: rows after it belong to steps that were lost."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.points = read_curve(path)
        self._columns: list[str] = []
        self.truncate(step)

    def truncate(self, step: int) -> None:
        """Drop the rows after ``step``."""
        self.points = [point for point in self.points if point.step <= step]
        self._columns = list(LEADING_COLUMNS)
        self._rewrite()

    def add(self, step: int, seconds: float, values: Mapping[str, float]) -> CurvePoint:
        """Append a row. A value of a name not seen before adds a column to the whole file."""
        point = CurvePoint(step, round(seconds, 3), dict(values))
        self.points.append(point)
        if set(values) <= set(self._columns):
            try:
                with self.path.open("a", encoding="utf-8", newline="") as stream:
                    self._write(stream, [point])
            except OSError as error:
                if error.errno in WRITE_ERRNOS:
                    raise convert_os_error(error, self.path) from error
                raise
        else:
            self._rewrite()
        return point

    @property
    def held_out(self) -> list[CurvePoint]:
        """The rows with a held-out error."""
        return [point for point in self.points if point.error is not None]

    def _rewrite(self) -> None:
        for point in self.points:
            self._columns += [name for name in point.values if name not in self._columns]
        with atomic_write(self.path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerow(self._columns)
            self._write(stream, self.points)

    def _write(self, stream: io.TextIOBase | io.TextIOWrapper, points: list[CurvePoint]) -> None:
        writer = csv.writer(stream, lineterminator="\n")
        for point in points:
            cells = [f"{point.values[name]:.6g}" if name in point.values else "" for name in self._columns[2:]]
            writer.writerow([point.step, point.seconds, *cells])
