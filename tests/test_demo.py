"""Tests of the demo's own code: the before-and-after sheet and the verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2

from effigie.assets import fetch_asset
from effigie.demo import format_verdict
from effigie.evaluate.report.figures import Figure
from effigie.swap.inference.comparison_sheet import COLUMNS, SHEET_HEIGHT, write_comparison_sheet

GOOD = Figure("similarity to the source", 0.7, at_least=0.6)
INFORMS = Figure("similarity to the target", 0.1)


def test_sheet_shows_the_input_above_the_output(tmp_path: Path) -> None:
    clip = fetch_asset("sample_man")
    write_comparison_sheet(tmp_path / "sheet.png", clip, clip)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * SHEET_HEIGHT, COLUMNS * SHEET_HEIGHT, 3)
    assert (sheet[:SHEET_HEIGHT] == sheet[SHEET_HEIGHT:]).all()
    assert sheet[:, :SHEET_HEIGHT].std() > 10


def test_verdict_counts_only_what_has_a_bound() -> None:
    lines = format_verdict([GOOD, INFORMS])
    assert lines[0] == "The swap holds: all 1 figures are reached."
    assert len(lines) == 2 and "0.7" in lines[1] and lines[1].startswith("ok")


def test_verdict_names_what_falls_short() -> None:
    poor = replace(GOOD, value=0.4)
    lines = format_verdict([GOOD, poor])
    assert lines[0].startswith("1 of 2") and "similarity to the source" in lines[0]
    assert lines[2].startswith("no")
