"""Coverage of head poses in a face set: a yaw by pitch histogram, and its picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from effigie.faceset.plots.drawing import BACKGROUND, DIM, TEXT, draw_text, write_png
from effigie.faceset.sorting import load_measures
from effigie.faceset.store import FaceSet
from effigie.progress import format_count

YAW_EDGES = np.arange(-60, 61, 10)
PITCH_EDGES = np.arange(-40, 41, 10)
CELL = 56
LEFT, TOP, BOTTOM, RIGHT = 64, 44, 44, 20


@dataclass(frozen=True)
class PoseCoverage:
    """Histogram of faces by head pose."""

    # (8, 12) int64, rows pitch from -40 and columns yaw from -60 degrees, 10 degrees a cell; the outermost cells
    # also count what lies beyond.
    counts: np.ndarray

    @property
    def filled(self) -> int:
        """Cells that hold a face."""
        return int((self.counts > 0).sum())


def count_poses(yaw: np.ndarray, pitch: np.ndarray) -> PoseCoverage:
    """Count faces by pose: yaw (N,) and pitch (N,) in degrees; poses that are not numbers are left out."""
    is_finite = np.isfinite(yaw) & np.isfinite(pitch)
    rows, columns = _cell(pitch[is_finite], PITCH_EDGES), _cell(yaw[is_finite], YAW_EDGES)
    counts = np.zeros((len(PITCH_EDGES) - 1, len(YAW_EDGES) - 1), np.int64)
    np.add.at(counts, (rows, columns), 1)
    return PoseCoverage(counts)


def _cell(degrees: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.clip(np.searchsorted(edges, degrees, side="right") - 1, 0, len(edges) - 2)


def render_pose_coverage(coverage: PoseCoverage, title: str) -> np.ndarray:
    """Render the histogram as (H, W, 3) uint8 RGB; colour grows with the logarithm of the count."""
    rows, columns = coverage.counts.shape
    image = np.full((TOP + rows * CELL + BOTTOM, LEFT + columns * CELL + RIGHT, 3), BACKGROUND, np.uint8)
    scaled = np.log1p(coverage.counts) / max(1e-9, np.log1p(coverage.counts.max()))
    colors = cv2.applyColorMap((40 + 215 * scaled).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    draw_text(image, title, (12, 28), 0.55, TEXT)
    for row in range(rows):
        for column in range(columns):
            y, x = TOP + row * CELL, LEFT + column * CELL
            count = int(coverage.counts[row, column])
            color = colors[row, column] if count else np.asarray(BACKGROUND) + 12
            image[y + 1 : y + CELL - 1, x + 1 : x + CELL - 1] = color
            if count:
                text = str(count) if count < 10_000 else f"{count // 1000}k"
                ink = (0, 0, 0) if scaled[row, column] > 0.6 else TEXT
                draw_text(image, text, (x + 8, y + CELL // 2 + 5), 0.42, ink)
    for column, edge in enumerate(YAW_EDGES):
        draw_text(image, f"{edge}", (LEFT + column * CELL - 12, TOP + rows * CELL + 18), 0.4, DIM)
    for row, edge in enumerate(PITCH_EDGES):
        draw_text(image, f"{edge}", (LEFT - 32, TOP + row * CELL + 5), 0.4, DIM)
    middle, baseline = LEFT + columns * CELL // 2 - 90, TOP + rows * CELL + 36
    draw_text(image, "yaw, degrees (image right > 0)", (middle, baseline), 0.42, DIM)
    draw_text(image, "pitch (down > 0)", (6, baseline), 0.42, DIM)
    return image


def pose_coverage(faceset: FaceSet | str | Path, output: str | Path, where: str | None = None) -> PoseCoverage:
    """Count the head poses of a face set and draw them to a PNG."""
    faceset = FaceSet.from_path(faceset)
    faces = load_measures(faceset, ["yaw", "pitch"], where)
    coverage = count_poses(faces["yaw"], faces["pitch"])
    title = (
        f"{faceset.path.name}: {format_count(len(faces), 'face')}, {coverage.filled} of {coverage.counts.size} poses"
    )
    write_png(Path(output), render_pose_coverage(coverage, title))
    return coverage
