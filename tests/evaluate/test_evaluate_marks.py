"""Tests of what the bench of marks is made of: attacks on a face, other marks, the count of false ids."""

from __future__ import annotations

import importlib.util
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks.attacks import Attack, blur, chain, only_inside
from benchmarks.fixtures.material import FolderMaterial, SampleMaterial
from benchmarks.fixtures.other_marks import BITS, OtherMark, other_marks
from benchmarks.fixtures.row import RowContext
from benchmarks.rows import false_ids
from benchmarks.rows.baselines import _copy_mark
from benchmarks.rows.false_ids import count_false_ids

from effigie.progress import CancelToken, ignore_progress


def test_a_change_inside_circles_leaves_the_rest() -> None:
    frames = [np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)]
    shown = only_inside([[(20, 30, 10)]], blur(2))(frames, Fraction(25))[0][0]
    changed = np.any(shown != frames[0], axis=2)
    down, across = np.nonzero(changed)
    assert changed.sum() > 250 and np.hypot(across - 20, down - 30).max() <= 10.5
    assert np.array_equal(only_inside([[]], blur(2))(frames, Fraction(25))[0][0], frames[0])


def test_a_copied_mark_is_the_one_that_all_frames_share() -> None:
    random = np.random.default_rng(1)
    mark = random.normal(0, 4, (64, 64, 1))
    plain = [random.integers(60, 190, (64, 64, 3)).astype(np.float64) for _ in range(40)]
    marked = [np.clip(np.rint(frame + mark), 0, 255).astype(np.uint8) for frame in plain]
    flat = [np.full((64, 64, 3), 128, np.uint8)] * 40
    copied = np.mean([frame.astype(float) for frame in _copy_mark(marked, flat)], axis=0) - 128
    assert np.corrcoef(copied.mean(axis=2).ravel(), mark.ravel())[0, 1] > 0.6


class FakeDecoder:
    """Says 32 bits of which a twentieth is wrong, and refuses small pictures as the package does."""

    def __init__(self, kind: str, length: int) -> None:
        self._random = np.random.default_rng(length)

    def decode(self, image: np.ndarray, method: str) -> np.ndarray:
        if image.shape[0] * image.shape[1] < 256 * 256:
            raise RuntimeError("image too small, should be larger than 256x256")
        return (np.arange(BITS) % 2) ^ (self._random.random(BITS) < 0.05)


def test_bits_of_other_marks_are_voted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imwatermark", SimpleNamespace(WatermarkDecoder=FakeDecoder))
    other, message = OtherMark("fake", "fake"), np.arange(BITS) % 2
    for side, readings in ((288, 1), (96, 1)):  # as it lies; too small, so that only the size it was marked at is left
        frames = [np.full((side, side + 32, 3), 90, np.uint8)] * 6
        path = Attack("plain", "plain", chain()).apply(frames, Fraction(25), tmp_path / f"of-{side}")
        said = other.read(path, (288, 320))
        assert len(said) == readings and all(np.mean(bits == message) > 0.9 for bits in said)


def test_other_marks_are_left_out_where_they_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert other_marks() == []


def test_portraits_are_listed_with_clips_that_are_there(tmp_path: Path) -> None:
    for folder in ("clips", "clips_grid", "portraits/london"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "clips.tsv").write_text("file\tperson\nphrase_5.mp4\topenav_C\n")
    (tmp_path / "clips" / "phrase_5.mp4").touch()
    material = FolderMaterial(tmp_path, tmp_path)
    assert material.photos() == []
    (tmp_path / "portraits" / "london" / "L137_neutral.jpg").touch()
    assert [(source.name, clip.name) for source, clip in material.photos()] == [("L137_neutral.jpg", "phrase_5.mp4")]
    assert material.driven() == [] == SampleMaterial(tmp_path).photos()


def test_false_ids_are_counted_from_where_they_were_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def look(clips: list[Path], number: int) -> dict[str, bool]:
        looked.append(number)
        return {"marked": number % 2 == 1, "right": number == 1, "false": number in (2, 5)}

    monkeypatch.setattr(false_ids, "_look", look)
    material = SimpleNamespace(labeled_clips=lambda: [SimpleNamespace(path=tmp_path, people=1)])
    context = RowContext(material, tmp_path, False, ignore_progress, CancelToken())
    count_false_ids(context, 4, map)
    figures = {figure.name: figure.value for figure in count_false_ids(context, 6, map).figures}
    assert looked == [0, 1, 2, 3, 4, 5]
    assert figures == {
        "segments without a mark": 3,
        "ids found in them": 1,
        "segments with a mark": 3,
        "other ids found in them": 1,
        "their own ids found": 1,
    }
