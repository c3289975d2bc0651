"""Tests of the examples: each runs as a script does, on the first frames of the samples that pip carries."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import effigie
from effigie import assets

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize(("name", "budget"), [("swap_face", ["2"]), ("animate_portrait", ["3"]), ("review_faces", [])])
def test_it_runs(
    name: str,
    budget: list[str],
    man: Path,
    woman: Path,
    cut: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clips = {"sample_man": cut(man, tmp_path / "man.mp4", 0, 24), "sample_woman": cut(woman, tmp_path / "w.mp4", 0, 48)}
    fetch = assets.fetch_asset
    monkeypatch.setattr(assets, "fetch_asset", lambda name, *rest: clips.get(name) or fetch(name, *rest))
    path = EXAMPLES / f"{name}.py"
    monkeypatch.setattr(sys, "argv", [str(path), str(tmp_path / "out"), *budget])
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()
    output = tmp_path / "out" / "out.mp4"
    if name != "review_faces":
        assert effigie.verify(output).verdict == "made-by-effigie"


def test_every_example_is_run_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"swap_face", "animate_portrait", "review_faces"}
