"""Tests of pictures in a picture: they are found to the pixel, and marks in them are read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.attacks import Attack, show_in_picture

from effigie.provenance.watermark import WatermarkEmbedder, detect_file, detector
from effigie.provenance.watermark.belief import INSET, MAX_INSETS, WHOLE, Look
from effigie.provenance.watermark.inset import MAX_SHARE, Inset, find_insets

OUTPUT_ID = 0x5EED0F1A7E57
RATE = Fraction(15)
SIZE = (240, 320)
PLACES = {
    "inside": Inset(37, 21, 197, 141),
    "in a corner": Inset(160, 120, 320, 240),
    "between bars": Inset(0, 30, 320, 210),
    "half of the screen": Inset(0, 0, 160, 240),
}


def film(seed: int, height: int, width: int, count: int = 8) -> list[np.ndarray]:
    """(height, width) uint8 of soft blotches that drift, as unlike a straight edge as footage is."""
    random = np.random.default_rng(seed)
    wide = cv2.GaussianBlur(random.normal(0, 1, (height + 64, width + 64)).astype(np.float32), (0, 0), 6)
    wide = 128 + 45 * wide / wide.std()
    return [np.clip(wide[4 * k : 4 * k + height, 7 * k : 7 * k + width], 0, 255).astype(np.uint8) for k in range(count)]


@pytest.mark.parametrize("name", PLACES)
def test_an_inset_is_found_to_the_pixel(name: str) -> None:
    inset = PLACES[name]
    shown = film(1, inset.bottom - inset.top, inset.right - inset.left)
    around = film(2, *SIZE)
    for picture, part in zip(around, shown, strict=True):
        picture[inset.top : inset.bottom, inset.left : inset.right] = part
    assert find_insets(around, 2)[0] == inset
    assert np.array_equal(inset.cut(around[0]), shown[0])


def test_footage_without_an_inset_has_none(plain: list[np.ndarray]) -> None:
    assert not find_insets(film(3, *SIZE), MAX_INSETS)
    gray = [np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8) for image in plain]
    height, width = gray[0].shape
    for inset in find_insets(gray, MAX_INSETS):  # a door's frame may pass for one
        assert (inset.right - inset.left) * (inset.bottom - inset.top) <= MAX_SHARE * height * width


def test_a_single_straight_edge_is_no_inset() -> None:
    pictures = film(4, *SIZE)
    for picture, other in zip(pictures, film(5, *SIZE), strict=True):
        picture[:, 210:] = other[:, 210:]
    assert not find_insets(pictures, MAX_INSETS)


@pytest.mark.parametrize("shape", [(1, 1), (40, 900), (64, 64)])
def test_pictures_of_any_size_are_searched(shape: tuple[int, int]) -> None:
    assert not find_insets([np.zeros(shape, np.uint8)] * 3, MAX_INSETS)


def test_a_mark_in_an_inset_is_read(
    man: Path, plain: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector, "MAX_POSES", 1)
    marker = WatermarkEmbedder(OUTPUT_ID, plain[0].shape[:2], like=man)
    marked = [marker.embed(image) for image in plain]  # without the pattern of a face, which is found by itself
    clip = Attack("inset", "inset", show_in_picture(0.45), crf=20).apply(marked, RATE, tmp_path / "shown")
    found = detect_file(clip)
    assert found is not None and found.id == OUTPUT_ID
    assert found.edits[0] == "shown in a part of the picture: 45 % of its width, 45 % of its height"
    monkeypatch.setattr(detector, "MAX_INSETS", 0)
    assert detect_file(clip) is None


def test_all_looks_together_take_no_more_than_one_would() -> None:
    assert WHOLE.share + MAX_INSETS * INSET.share == pytest.approx(1)
    assert Look(1).least < WHOLE.least < INSET.least and Look(1).least_at_face < INSET.least_at_face
    # What is said of a find that is just believed counts for all looks, whichever it was made by.
    for look in (WHOLE, INSET):
        assert 1 - look.confide(look.least, at_face=False) == pytest.approx(1e-9, rel=1e-3)
