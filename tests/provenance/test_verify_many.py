"""Tests of `verify` for many files: folders, patterns, lines of JSON, workers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effigie.errors import EffigieError, UsageError
from effigie.media.pictures.writer import write_still
from effigie.provenance.batch import list_files, verify_many
from effigie.provenance.report import Verification
from effigie.provenance.watermark import detector


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries one pose of the mark beside the upright one: nothing here is marked, and each takes time."""
    monkeypatch.setattr(detector, "MAX_POSES", 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, one of them in a folder below, and what is none."""
    (tmp_path / "below").mkdir()
    (tmp_path / ".hidden").mkdir()
    picture = np.full((48, 64, 3), 90, np.uint8)
    for name in ("one.png", "below/two.png", ".hidden/three.png"):
        write_still(tmp_path / name, picture)
    (tmp_path / "words.txt").write_text("no picture")
    return tmp_path


def test_folders_and_patterns_stand_for_files(folder: Path) -> None:
    below = folder / "below" / "two.png"
    assert list(list_files([folder])) == [below, folder / "one.png"]
    assert list(list_files([folder / "*.png", folder])) == [folder / "one.png", below]
    assert list(list_files([f"{folder}/**/t*.png"])) == [below]
    assert list(list_files([folder / "words.txt", folder / "missing"])) == [folder / "words.txt", folder / "missing"]
    odd = folder / "a[1].png"
    shutil.copy(below, odd)
    assert list(list_files([odd])) == [odd]  # a name that is there is no pattern
    for name in (folder / "*.mp4", folder / ".hidden" / "nothing*"):
        with pytest.raises(UsageError, match="check the pattern"):
            list(list_files([name]))
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match="no picture"):
        list(list_files([folder / "empty"]))


def test_every_file_is_answered_in_order(folder: Path) -> None:
    names = [folder / "missing.png", folder / "one.png", folder / "words.txt"]
    found = dict(verify_many(names, workers=2))
    assert list(found) == names
    assert isinstance(found[names[0]], EffigieError)
    assert all(isinstance(found[name], Verification) for name in names[1:])
    with pytest.raises(UsageError, match="workers"):
        list(verify_many(names, workers=0))


def test_the_command_prints_a_line_for_every_file(folder: Path, here: Callable[..., Any]) -> None:
    ended = here("verify", "--json", "--workers", 1, folder)
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 0 and [Path(line["file"]).name for line in lines] == ["two.png", "one.png"]
    assert all(line["verdict"] == "nothing-found" for line in lines)
    ended = here("verify", "--json", folder / "one.png", folder / "missing.png")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 1 and "1 of the files could not be read" in ended.line()
    assert lines[0]["verdict"] == "nothing-found" and "does not exist" in lines[1]["error"]
