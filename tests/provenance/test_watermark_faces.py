"""Tests of the mark that is tied to faces: it is read wherever the face is, and never where nothing was marked."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.attacks import (
    Attack,
    add_caption,
    chain,
    crop,
    crop_to,
    distort,
    mirror,
    resize,
    show_in_picture,
    stretch,
    turn,
)

from effigie.provenance.watermark import Anchor, WatermarkEmbedder, detect, detect_file, detector
from effigie.provenance.watermark.anchored_pattern import anchored_carriers, render_anchored
from effigie.provenance.watermark.belief import WHOLE
from effigie.provenance.watermark.edits import describe_edits
from effigie.provenance.watermark.geometry import PatternPose
from effigie.provenance.watermark.payload import encode

OUTPUT_ID = 0xC0FFEE123456
VECTOR = (-1.5073, -0.8679, 0.2511, 1.4047)  # pixels (84, 84) to (84, 87) of the tile of OUTPUT_ID at 8 pixels a cm
RATE = Fraction(15)


@pytest.fixture(scope="module")
def marked(man: Path, plain: list[np.ndarray], anchors: list[Anchor]) -> list[np.ndarray]:
    marker = WatermarkEmbedder(OUTPUT_ID, plain[0].shape[:2], like=man)
    return [marker.embed(image, None, [anchor]) for image, anchor in zip(plain, anchors, strict=True)]


@pytest.fixture(scope="module")
def place(plain: list[np.ndarray], anchors: list[Anchor]) -> tuple[float, float]:
    """The face's middle, in shares of width and height."""
    height, width = plain[0].shape[:2]
    return anchors[0].x / width, anchors[0].y / height


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame's pattern is searched at one place: what is tested here is the face's."""
    monkeypatch.setattr(detector, "MAX_POSES", 1)


EDITS = {
    "9:16": (lambda place: crop_to(9 / 16, *place), ()),
    "1:1": (lambda place: crop_to(1, *place), ()),
    "15 % off every side": (lambda place: crop(0.3), ()),
    "mirrored": (lambda place: mirror, ("mirrored",)),
    "turned by 2 degrees": (lambda place: turn(2), ("turned by about 2 degrees",)),
    "turned by 10 degrees": (lambda place: turn(-10), ("turned by about 10 degrees",)),
    "stretched": (lambda place: stretch(1.1, 1), ("stretched by about 10 % in width",)),
    "filmed at an angle": (lambda place: distort(0.05), ()),
    "picture in picture": (lambda place: show_in_picture(0.7), ()),
    "caption": (lambda place: add_caption(), ()),
    "9:16 and mirrored": (lambda place: chain(crop_to(9 / 16, *place), mirror), ("mirrored",)),
}


@pytest.mark.parametrize("name", EDITS)
def test_the_id_stays_with_the_face(
    name: str, marked: list[np.ndarray], place: tuple[float, float], tmp_path: Path
) -> None:
    make, edits = EDITS[name]
    found = detect_file(Attack(name, name, make(place), crf=28).apply(marked, RATE, tmp_path / "edited"))
    assert found is not None and found.id == OUTPUT_ID
    if found.face_pose is not None:
        assert found.agreement >= WHOLE.least_at_face and 1 - 5e-9 <= found.confidence <= 1
    for edit in edits:
        assert any(said.split("about")[0] == edit.split("about")[0] for said in found.edits), found.edits


def test_what_was_not_edited_is_called_unedited(marked: list[np.ndarray]) -> None:
    found = detect(marked)
    assert found is not None and found.id == OUTPUT_ID and found.edits == ()


def test_faces_without_a_mark_give_no_id(plain: list[np.ndarray], place: tuple[float, float]) -> None:
    for change in (crop_to(9 / 16, *place), chain(mirror, turn(3), resize(0.7))):
        assert detect(change(plain[::4], RATE)[0]) is None


def test_a_single_picture_is_read(marked: list[np.ndarray], tmp_path: Path) -> None:
    found = detect_file(Attack("still", "still", mirror, codec="jpeg").apply(marked[7:8], RATE, tmp_path / "still"))
    assert found is not None and found.id == OUTPUT_ID and "mirrored" in found.edits


def test_the_face_is_marked_less_than_what_surrounds_it(plain: list[np.ndarray], anchors: list[Anchor]) -> None:
    marker = WatermarkEmbedder(OUTPUT_ID, plain[0].shape[:2])
    change = marker.embed(plain[0], None, anchors[:1]).astype(np.float32) - plain[0]
    assert 10 * np.log10(255**2 / np.mean(change**2)) >= 43
    anchor = anchors[0]
    eyes = change[round(anchor.y - 4 * anchor.scale) : round(anchor.y - 2.4 * anchor.scale)]
    eyes = eyes[:, round(anchor.x - 4 * anchor.scale) : round(anchor.x + 4 * anchor.scale)]
    assert np.std(eyes) < 0.5 * np.std(change)


def test_a_large_picture_has_a_weaker_mark_that_is_read_as_well(
    plain: list[np.ndarray], anchors: list[Anchor], tmp_path: Path
) -> None:
    large = [cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) for image in plain[:12]]
    marker = WatermarkEmbedder(OUTPUT_ID, large[0].shape[:2])
    marked = [marker.embed(image, None, [at.resize(2)]) for image, at in zip(large, anchors, strict=False)]
    change = np.abs(marked[0].astype(int) - large[0])
    assert change.max() <= 8  # 16 and more show on a smooth face
    found = detect_file(Attack("mirrored", "", mirror, crf=28).apply(marked, RATE, tmp_path / "large"))
    assert found is not None and found.id == OUTPUT_ID


@pytest.mark.parametrize("scale", [0.5, 2.3, 12.0, 80.0])
def test_faces_of_any_size_and_place_are_marked(scale: float, plain: list[np.ndarray]) -> None:
    height, width = plain[0].shape[:2]
    marker = WatermarkEmbedder(1, (height, width))
    crowd = [Anchor(x, y, scale, 0.3) for x in (-40.0, 100.0, width + 30.0) for y in (-9.0, height / 2)]
    marked = marker.embed(plain[0], None, crowd)
    assert marked.shape == plain[0].shape and np.abs(marked.astype(int) - plain[0]).max() <= 16


def test_test_vectors_of_the_anchored_pattern() -> None:
    """What docs/watermark.md names, so that others can build a detector."""
    every = anchored_carriers()
    assert len(every.frequency_x) == 848 and len(every.pilots) == 202
    symbols = encode(OUTPUT_ID)
    tile = render_anchored(every.spectrum(symbols), 168, 8.0)
    assert np.mean(tile**2) == pytest.approx(1, abs=1e-4)
    assert np.allclose(tile[84, 84:88], VECTOR, atol=2e-3)


def test_edits_are_said_in_words() -> None:
    assert describe_edits(PatternPose(1.25, 1.25), None, None) == (
        "cut: its shorter side shows 80 % of the original's",
    )
    assert describe_edits(PatternPose(), None, None) == ()
