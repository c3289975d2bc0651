"""Plot of the curve: training loss, held-out error and its parts against minutes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.io.atomic_write import atomic_write
from effigie.training.monitor.curve import PART_PREFIX, CurvePoint, read_curve
from effigie.training.monitor.previews import encode_png

WIDTH, HEIGHT = 960, 540
LEFT, RIGHT, TOP, BOTTOM = 96, 96, 48, 64
BACKGROUND_COLOR, TEXT_COLOR, GRID_COLOR = (255, 255, 255), (40, 40, 40), (228, 228, 228)
LOSS_COLOR, ERROR_COLOR = (31, 119, 180), (214, 82, 20)
PART_COLORS = ((148, 103, 189), (188, 60, 120), (72, 140, 60), (120, 120, 120))
BOLD, PLAIN, THIN = 3, 2, 1
THIN_LINE_POINTS = 200
FONT = cv2.FONT_HERSHEY_SIMPLEX

Image = NDArray[np.uint8]
Points = list[tuple[float, float]]
Color = tuple[int, int, int]


def plot_curve(curve: Path, output: Path, best: tuple[float, float] | None = None, caption: str = "") -> None:
    """Draw the curve file as a PNG: loss on the left axis (blue), held-out error on the right (orange, bold).

    Parts of the held-out error are thin lines on its axis. An axis is logarithmic where its values are positive and
    span more than a factor of ten.

    Args:
        best: seconds and held-out error of the weights that are kept, marked by a ring.
        caption: a sentence for the lower edge.
    """
    points = read_curve(curve)
    loss, error = _finite(points, "loss"), _finite(points, "held_out_error")
    names = dict.fromkeys(name for point in points for name in point.values if name.startswith(PART_PREFIX))
    parts = {name.removeprefix(PART_PREFIX): _finite(points, name) for name in names}
    minutes = max([x for x, _ in loss + error], default=0.0) or 1.0

    image: Image = np.full((HEIGHT, WIDTH, 3), BACKGROUND_COLOR, np.uint8)
    for tick in linear_ticks(0, minutes):
        x = round(LEFT + tick / minutes * (WIDTH - LEFT - RIGHT))
        cv2.line(image, (x, TOP), (x, HEIGHT - BOTTOM), GRID_COLOR, 1)
        _text(image, _label(tick), x, HEIGHT - BOTTOM + 20, TEXT_COLOR)
    _text(image, "minutes of training", WIDTH // 2, HEIGHT - 16, TEXT_COLOR)
    _text(image, caption, WIDTH - RIGHT, HEIGHT - 16, ERROR_COLOR, 1.0)
    left = _Axis(image, minutes, loss, left=True)
    left.draw_labels(LOSS_COLOR)
    left.draw_line(loss, LOSS_COLOR, PLAIN if len(loss) <= THIN_LINE_POINTS else THIN)
    right = _Axis(image, minutes, [*error, *(point for series in parts.values() for point in series)], left=False)
    right.draw_labels(ERROR_COLOR)
    for series, color in zip(parts.values(), itertools.cycle(PART_COLORS), strict=False):
        right.draw_line(series, color, THIN)
    right.draw_line(error, ERROR_COLOR, BOLD)
    if best is not None:
        right.draw_ring((best[0] / 60, best[1]), ERROR_COLOR)
    _text(image, f"training loss{'' if loss else ': none yet'}", LEFT, TOP - 18, LOSS_COLOR, 0.0, 0.5)
    _legend(image, f"held-out error{'' if error else ': none yet'}", list(parts), best is not None)
    cv2.rectangle(image, (LEFT, TOP), (WIDTH - RIGHT, HEIGHT - BOTTOM), TEXT_COLOR, 1, cv2.LINE_AA)
    with atomic_write(output) as temporary:
        temporary.write_bytes(encode_png(image))


def linear_ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Round numbers from ``low`` to ``high``, 1, 2 or 5 times a power of ten apart, about ``count`` of them."""
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    spacing = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first, last = math.ceil(low / spacing - 1e-6), math.floor(high / spacing + 1e-6)
    return [round(i * spacing, 12) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Logarithms in ``low`` to ``high`` of 1, 2 and 5 times powers of ten; if wide, of powers alone."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    digits = (1, 2, 5) if high - low < 3 else (1,)
    marks = [power + math.log10(digit) for power in powers for digit in digits]
    return [mark for mark in marks if low <= mark <= high]


class _Axis:
    """One of the two scales, fitted to ``points`` (minutes, value); lines are drawn on it."""

    def __init__(self, image: Image, minutes: float, points: Points, left: bool) -> None:
        self._image, self._minutes, self._left = image, minutes, left
        values = [y for _, y in points]
        self._empty = not values
        self._logarithmic = not self._empty and min(values) > 0 and max(values) > 10 * min(values)
        scaled = [math.log10(y) for y in values] if self._logarithmic else values
        self._low, self._high = (0.0, 1.0) if self._empty else _range(scaled)

    def draw_labels(self, color: Color) -> None:
        """Draw tick labels at the left edge, with grid lines, or at the right."""
        if self._empty:
            return
        for tick in (log_ticks if self._logarithmic else linear_ticks)(self._low, self._high):
            y = self._row(tick)
            if self._left:
                cv2.line(self._image, (LEFT, y), (WIDTH - RIGHT, y), GRID_COLOR, 1)
            text = _label(10**tick if self._logarithmic else tick)
            x, align = (LEFT - 8, 1.0) if self._left else (WIDTH - RIGHT + 8, 0.0)
            _text(self._image, text, x, y + 4, color, align)

    def draw_line(self, points: Points, color: Color, thickness: int) -> None:
        """Draw a polyline, with dots where there are few points."""
        pixels = [self._pixel(point) for point in points]
        cv2.polylines(self._image, [np.array(pixels, np.int32)], False, color, thickness, cv2.LINE_AA)
        for pixel in pixels if len(pixels) <= 60 and thickness > THIN else ():
            cv2.circle(self._image, pixel, thickness + 1, color, -1, cv2.LINE_AA)

    def draw_ring(self, point: tuple[float, float], color: Color) -> None:
        """Draw a ring around one point."""
        cv2.circle(self._image, self._pixel(point), 9, color, 2, cv2.LINE_AA)

    def _pixel(self, point: tuple[float, float]) -> tuple[int, int]:
        value = math.log10(point[1]) if self._logarithmic else point[1]
        return round(LEFT + point[0] / self._minutes * (WIDTH - LEFT - RIGHT)), self._row(value)

    def _row(self, value: float) -> int:
        return round(HEIGHT - BOTTOM - (value - self._low) / (self._high - self._low) * (HEIGHT - TOP - BOTTOM))


def _finite(points: Sequence[CurvePoint], name: str) -> Points:
    """(minutes, value) of the rows that have the value."""
    pairs = [(p.seconds / 60, p.values.get(name, math.nan)) for p in points]
    return [(x, y) for x, y in pairs if math.isfinite(y)]


def _legend(image: Image, title: str, parts: Sequence[str], has_best: bool) -> None:
    """Draw the legend at the right of the upper edge: the error, its parts in their colours, the ring's meaning."""
    entries = [(f"{title} (bold)" if parts else title, ERROR_COLOR)]
    entries += list(zip(parts, itertools.cycle(PART_COLORS), strict=False))
    entries += [("o kept", ERROR_COLOR)] if has_best else []
    x = float(WIDTH - RIGHT)
    for text, color in reversed(entries):
        _text(image, text, round(x), TOP - 18, color, 1.0, 0.5)
        x -= cv2.getTextSize(text, FONT, 0.5, 1)[0][0] + 16


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _label(value: float) -> str:
    return f"{value:.3g}"


def _text(image: Image, text: str, x: int, y: int, color: Color, align: float = 0.5, size: float = 0.45) -> None:
    """Write ``text`` with its baseline at ``y``; ``align`` 0 begins at ``x``, 0.5 centres, 1 ends there."""
    width = cv2.getTextSize(text, FONT, size, 1)[0][0]
    cv2.putText(image, text, (round(x - align * width), y), FONT, size, color, 1, cv2.LINE_AA)
