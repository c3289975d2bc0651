"""Tests of marks that are known beforehand: told apart where none can be read, and never found where they are not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from benchmarks.attacks import Attack, chain, crop_to, resize_to

from effigie.provenance.watermark import Anchor, WatermarkEmbedder, detect_file, detector
from effigie.provenance.watermark.anchored_search import AnchoredSearch
from effigie.provenance.watermark.face_patch import find_anchors, gather_patches
from effigie.provenance.watermark.known_marks import FALSE_ALARM_RATE, MAX_KNOWN, find_known
from effigie.provenance.watermark.payload import SYMBOL_COUNT

OUTPUT_ID = 0xC0FFEE123456
OTHERS = [(number * 0x9E3779B97F4A % 2**48, number % 4096) for number in range(1, 100)]
RATE = Fraction(15)
LINES, CRF = 150, 32  # of what is left of the face


@pytest.fixture(scope="module")
def marker(man: Path, plain: list[np.ndarray]) -> WatermarkEmbedder:
    return WatermarkEmbedder(OUTPUT_ID, plain[0].shape[:2], like=man)


@pytest.fixture(scope="module")
def marked(marker: WatermarkEmbedder, plain: list[np.ndarray], anchors: list[Anchor]) -> list[np.ndarray]:
    return [marker.embed(image, None, [anchor]) for image, anchor in zip(plain, anchors, strict=True)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "MAX_POSES", 1)


def face_alone(frames: list[np.ndarray], anchor: Anchor, path: Path) -> Path:
    """The face and little else, so small and so roughly encoded that no id can be read."""
    height, width = frames[0].shape[:2]
    cut = crop_to(1, anchor.x / width, anchor.y / height, 24 * anchor.scale / height)
    return Attack("face", "", chain(cut, resize_to(LINES)), crf=CRF).apply(frames, RATE, path)


def test_the_owner_of_the_ledger_tells_what_nobody_else_can_read(
    marked: list[np.ndarray], anchors: list[Anchor], marker: WatermarkEmbedder, tmp_path: Path
) -> None:
    path = face_alone(marked, anchors[0], tmp_path / "face")
    assert detect_file(path, known_marks=OTHERS) is None
    found = detect_file(path, known_marks=[*OTHERS, (OUTPUT_ID, marker.free_bits)])
    assert found is not None and found.id == OUTPUT_ID and found.is_known
    assert 1 - FALSE_ALARM_RATE <= found.confidence <= 1


def test_faces_without_a_mark_are_nobodys(
    plain: list[np.ndarray], anchors: list[Anchor], marker: WatermarkEmbedder, tmp_path: Path
) -> None:
    path = face_alone(plain, anchors[0], tmp_path / "face")
    assert detect_file(path, known_marks=[*OTHERS, (OUTPUT_ID, marker.free_bits)]) is None


def test_a_strong_mark_of_another_id_is_not_taken_for_a_known_one(marked: list[np.ndarray]) -> None:
    """Symbols that all codewords share agree there; they may not count."""
    luma = [image[..., 1] for image in marked[::4]]
    patch = gather_patches(luma, find_anchors(luma))[0]
    search = AnchoredSearch(patch.residual())
    assert search.find_candidates(3)[0].agreement > 8
    upright = np.random.default_rng(0).normal(size=SYMBOL_COUNT).astype(np.float32)
    assert find_known(OTHERS, upright, [search]) is None


def test_of_a_long_ledger_the_latest_are_looked_for(marker: WatermarkEmbedder, marked: list[np.ndarray]) -> None:
    luma = [image[..., 1] for image in marked[::4]]
    search = AnchoredSearch(gather_patches(luma, find_anchors(luma))[0].residual())
    upright = np.zeros(SYMBOL_COUNT, np.float32)
    ours = (OUTPUT_ID, marker.free_bits)
    assert find_known([], upright, [search]) is None
    late = [OTHERS[number % len(OTHERS)] for number in range(MAX_KNOWN)]
    found = find_known([ours, *late], upright, [search])
    assert found is not None and found.id == OUTPUT_ID
    assert find_known([*late, ours], upright, [search]) is None
