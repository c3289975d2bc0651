"""Tests of the visible notice."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from credential_files import CLAIM

from effigie.errors import UsageError
from effigie.provenance.label import Label, sidecar_text

SIZES = [(64, 64), (64, 200), (200, 64), (96, 128), (240, 320), (288, 360), (360, 640), (1080, 1920), (2160, 3840)]


def _box(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero((before != after).any(axis=2))
    return int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("gray", [0, 100, 255])
def test_it_stands_out_in_the_upper_right_corner(size: tuple[int, int], gray: int) -> None:
    image = np.full((*size, 3), gray, np.uint8)
    drawn = Label("corner").draw(image, 0.0)
    assert (image == gray).all() and drawn.dtype == np.uint8 and drawn.shape == image.shape
    top, bottom, left, right = _box(image, drawn)
    height, width = size
    assert top > 0 and right < width and bottom < height / 3 and left > width / 4
    assert bottom - top >= 9
    # Letters and ground are far apart on every picture, in the badge and in the words.
    region = drawn[top:bottom, left:right, 0].astype(int)
    assert region.max() >= 235
    dark = region[(region < 90)]
    assert dark.size > 0.05 * region.size


def _contrast(light: float, dark: float) -> float:
    def luminance(value: float) -> float:
        value /= 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return (luminance(light) + 0.05) / (luminance(dark) + 0.05)


def test_contrast_of_words_on_white_footage() -> None:
    image = np.full((1080, 1920, 3), 255, np.uint8)
    drawn = Label("corner").draw(image, 0.0)
    top, bottom, left, right = _box(image, drawn)
    words = drawn[top + 6 : bottom - 6, left + (right - left) // 2 : right - 20, 0]
    assert _contrast(float(words.max()), float(np.median(words))) >= 7  # WCAG AAA


def test_the_words_are_there_from_quarter_size_on_and_the_acronym_always() -> None:
    widths = {}
    for height, width in ((64, 64), (270, 480), (1080, 1920)):
        image = np.zeros((height, width, 3), np.uint8)
        top, bottom, left, right = _box(image, Label().draw(image, 0.0))
        widths[height] = (right - left) / (bottom - top)
    assert widths[64] < 3 < 4 < widths[270]
    assert abs(widths[270] - widths[1080]) < 0.5


def test_texts_differ_and_fit() -> None:
    image = np.zeros((360, 640, 3), np.uint8)
    texts = ("AI", "AI-generated", "AI modified", "KI-generiert", "made with a model " * 4)
    pictures = [Label("corner", text).draw(image, 0.0) for text in texts]
    assert len({picture.tobytes() for picture in pictures}) == len(texts)
    for picture in pictures:
        assert picture[:, 0].max() == 0 and picture.any()
    if hasattr(cv2, "FontFace"):
        assert Label("corner", "généré par IA").draw(image, 0.0).any()
    else:
        with pytest.raises(UsageError, match="opencv"):
            Label("corner", "généré par IA")


def test_modes_over_time() -> None:
    image = np.full((360, 640, 3), 90, np.uint8)
    assert Label("off").draw(image, 0.0) is image
    corner, first = Label("corner"), Label("first-seconds")
    assert np.array_equal(corner.draw(image, 3.0), corner.draw(image, 3000.0))
    # A clip's clock may begin anywhere: what counts is the time since its first frame.
    shown = [first.draw(image, 100.0 + seconds) for seconds in (0, 3.9, 4.5, 4.9, 5.0, 60)]
    strength = [np.abs(picture.astype(int) - 90).max() for picture in shown]
    assert np.array_equal(shown[0], shown[1]) and np.array_equal(shown[0], corner.draw(image, 0.0))
    assert strength[0] > strength[2] > strength[3] > strength[4] == strength[5] == 0


def test_small_pictures_are_survived() -> None:
    for size in ((1, 1), (2, 3), (8, 8), (16, 16), (20, 300), (300, 20)):
        drawn = Label("corner").draw(np.zeros((*size, 3), np.uint8), 0.0)
        assert drawn.shape == (*size, 3)


@pytest.mark.parametrize("text", ["", "  ", "x" * 81, "two\x00parts"])
def test_texts_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="text of the label"):
        Label("corner", text)
    with pytest.raises(UsageError, match="must be one of"):
        Label("sometimes")  # type: ignore[arg-type]


def test_it_costs_next_to_nothing() -> None:
    """A small part of the time of writing the frame as a JPEG."""
    image = np.random.default_rng(0).integers(0, 256, (360, 640, 3)).astype(np.uint8)
    label = Label("corner")
    label.draw(image, 0.0)

    def fastest(work: Callable[[], object]) -> float:
        times = []
        for _ in range(100):
            begun = time.perf_counter()
            work()
            times.append(time.perf_counter() - begun)
        return min(times)

    assert fastest(lambda: label.draw(image, 1.0)) < fastest(lambda: cv2.imencode(".jpg", image)) / 4


def test_the_same_in_words() -> None:
    text = sidecar_text(CLAIM)
    for part in ("AI-generated", "out.mp4", CLAIM.output_id, *CLAIM.consents, "ab" * 32, "invisible mark", "verify"):
        assert part in text
