"""Tests of the examples: each runs as a script of its own, on the samples that pip carries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import effigie

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize(("name", "budget"), [("swap_face", ["2"]), ("animate_portrait", ["3"]), ("review_faces", [])])
def test_it_runs(name: str, budget: list[str], tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), str(tmp_path / "out"), *budget]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()
    output = tmp_path / "out" / "out.mp4"
    if name != "review_faces":
        assert effigie.verify(output).verdict == "made-by-effigie"


def test_every_example_is_run_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"swap_face", "animate_portrait", "review_faces"}
