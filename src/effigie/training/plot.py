"""The curve as a picture: training loss and held-out error against minutes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.files import atomic
from effigie.training.curve import read_curve
from effigie.training.previews import encode_png

WIDTH, HEIGHT = 960, 540
LEFT, RIGHT, TOP, BOTTOM = 96, 96, 48, 64
PAPER, INK, GRID = (255, 255, 255), (40, 40, 40), (228, 228, 228)
LOSS, ERROR = (31, 119, 180), (214, 82, 20)
FONT = cv2.FONT_HERSHEY_SIMPLEX

Image = NDArray[np.uint8]
Points = list[tuple[float, float]]


def plot_curve(curve: Path, picture: Path) -> None:
    """Draw the curve file as a PNG: loss on the left axis (blue), held-out error on the right (orange).

    An axis is logarithmic where its values are positive and span more than a factor of ten.
    """
    points = read_curve(curve)
    loss = [
        (p.seconds / 60, p.values["loss"]) for p in points if math.isfinite(p.values.get("loss", math.nan))
    ]
    error = [(p.seconds / 60, p.error) for p in points if p.error is not None and math.isfinite(p.error)]
    minutes = max([x for x, _ in loss + error], default=0.0) or 1.0

    image: Image = np.full((HEIGHT, WIDTH, 3), PAPER, np.uint8)
    for tick in ticks(0, minutes):
        x = round(LEFT + tick / minutes * (WIDTH - LEFT - RIGHT))
        cv2.line(image, (x, TOP), (x, HEIGHT - BOTTOM), GRID, 1)
        _text(image, _label(tick), x, HEIGHT - BOTTOM + 20, INK)
    _text(image, "minutes of training", WIDTH // 2, HEIGHT - 16, INK)
    _series(image, loss, minutes, LOSS, "training loss", left=True)
    _series(image, error, minutes, ERROR, "held-out error", left=False)
    cv2.rectangle(image, (LEFT, TOP), (WIDTH - RIGHT, HEIGHT - BOTTOM), INK, 1, cv2.LINE_AA)
    with atomic(picture) as temporary:
        temporary.write_bytes(encode_png(image))


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from ``low`` to ``high``, 1, 2 or 5 times a power of ten apart, ``about`` so many."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    spacing = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first, last = math.ceil(low / spacing - 1e-6), math.floor(high / spacing + 1e-6)
    return [round(i * spacing, 12) for i in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """Logarithms in ``low`` to ``high`` of 1, 2 and 5 times powers of ten; if wide, of powers alone."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    digits = (1, 2, 5) if high - low < 3 else (1,)
    marks = [power + math.log10(digit) for power in powers for digit in digits]
    return [mark for mark in marks if low <= mark <= high]


def _series(
    image: Image, points: Points, minutes: float, colour: tuple[int, int, int], title: str, left: bool
) -> None:
    """One line with its own axis: labels at the left edge, with grid lines, or at the right."""
    name = title if points else f"{title}: none yet"
    _text(image, name, LEFT if left else WIDTH - RIGHT, TOP - 18, colour, 0.0 if left else 1.0, 0.5)
    if not points:
        return
    values = [y for _, y in points]
    logarithmic = min(values) > 0 and max(values) > 10 * min(values)
    low, high = _range([math.log10(y) for y in values] if logarithmic else values)
    span = HEIGHT - TOP - BOTTOM

    def row(value: float) -> int:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * span)

    for tick in decades(low, high) if logarithmic else ticks(low, high):
        y = row(tick)
        if left:
            cv2.line(image, (LEFT, y), (WIDTH - RIGHT, y), GRID, 1)
        text = _label(10**tick if logarithmic else tick)
        _text(image, text, LEFT - 8 if left else WIDTH - RIGHT + 8, y + 4, colour, 1.0 if left else 0.0)
    drawn = [(x / minutes, math.log10(y) if logarithmic else y) for x, y in points]
    pixels = [(round(LEFT + x * (WIDTH - LEFT - RIGHT)), row(y)) for x, y in drawn]
    cv2.polylines(image, [np.array(pixels, np.int32)], False, colour, 2, cv2.LINE_AA)
    if len(pixels) <= 60:
        for pixel in pixels:
            cv2.circle(image, pixel, 3, colour, -1, cv2.LINE_AA)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _label(value: float) -> str:
    return f"{value:.3g}"


def _text(
    image: Image,
    text: str,
    x: int,
    y: int,
    colour: tuple[int, int, int],
    align: float = 0.5,
    size: float = 0.45,
) -> None:
    """Write ``text`` with its baseline at ``y``; ``align`` 0 begins at ``x``, 0.5 centres, 1 ends there."""
    width = cv2.getTextSize(text, FONT, size, 1)[0][0]
    cv2.putText(image, text, (round(x - align * width), y), FONT, size, colour, 1, cv2.LINE_AA)
