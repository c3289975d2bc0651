"""What a training writes as it goes, for the page: its curve and its preview pictures."""

from __future__ import annotations

import contextlib
import csv
import math
from pathlib import Path
from typing import Any

from effigie.studio.handles import Handles

MAX_POINTS = 2000  # of a curve; the rest is thinned out evenly
COLUMNS = ("loss", "held_out_error", "held_out_error_eyes", "held_out_error_mouth", "held_out_error_skin")


def describe_training(folder: Path, handles: Handles) -> dict[str, Any]:
    """Curve rows (step, seconds, figures) and ids of the previews, oldest first, of a model folder."""
    files = {int(path.stem[5:]): path for path in (folder / "previews").glob("step-*.png") if path.stem[5:].isdecimal()}
    previews = [{"step": step, "id": handles.issue(files[step])} for step in sorted(files)]
    return {"curve": read_rows(folder / "curve.csv"), "previews": previews}


def read_rows(path: Path) -> list[dict[str, float]]:
    """Rows of a curve file. :func:`effigie.training.read_curve` reads them too, and would load torch here."""
    rows: list[dict[str, float]] = []
    with contextlib.suppress(OSError), path.open(encoding="utf-8", errors="replace", newline="") as stream:
        lines = (line.replace("\0", "") for line in stream if line.endswith("\n"))  # the last may be cut short
        with contextlib.suppress(csv.Error):
            for row in csv.DictReader(lines):
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    point = {name: float(row[name]) for name in ("step", "seconds")}
                    point |= {name: float(row[name]) for name in COLUMNS if row.get(name)}
                    if all(map(math.isfinite, point.values())):
                        rows.append(point)
    stride = max(1, math.ceil(len(rows) / MAX_POINTS))
    held_out = "held_out_error"
    return [row for index, row in enumerate(rows) if index % stride == 0 or held_out in row or index == len(rows) - 1]
