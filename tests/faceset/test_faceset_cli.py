"""Tests of `effigie faces` on the command line: output, JSON, exit codes, one-line errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from effigie.cli import main
from effigie.faceset import FaceSet

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """run("info", path) -> exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["effigie", "faces", *map(str, arguments)])
        monkeypatch.setattr("signal.signal", lambda number, handler: None)
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
            raise SystemExit(0)
        out, err = capfd.readouterr()
        return int(stopped.value.code or 0), out, err

    return call


@pytest.mark.slow
def test_info_warns_and_drop_mends_it(mixed: FaceSet, run: Run) -> None:
    code, out, _ = run("info", mixed.path)
    assert code == 0 and "300 faces in 2 clips" in out and "86.7 %" in out
    assert "--cluster 1" in out and "2 people are mixed" in out
    assert "would drop 40 faces (a 40); 260 remain" in run("drop", mixed.path, "--cluster", 1, "--dry-run")[1]
    assert "dropped 40 faces (a 40); 260 remain" in run("drop", mixed.path, "--cluster", 1)[1]
    code, out, _ = run("info", mixed.path)
    assert code == 0 and "mixed" not in out and "dropped so far: 40" in out


def test_json_is_json(mixed: FaceSet, run: Run, tmp_path: Path) -> None:
    assert json.loads(run("info", mixed.path, "--json")[1])["faces"] == 300
    people = json.loads(run("cluster", mixed.path, "--json")[1])
    assert [person["faces"] for person in people] == [260, 40] and len(people[0]["embedding"]) == 128
    listed = json.loads(run("sort", mixed.path, "--by", "sharpness", "--descending", "--count", 2, "--json")[1])
    assert listed["order"][0] == {"name": "a:199:0", "clip": "a", "frame": 199, "track": 0, "sharpness": 199.0}
    drawn = json.loads(run("sheet", mixed.path, "-o", tmp_path / "s.png", "--size", 32, "--json")[1])
    assert drawn["faces"] == 300 and Path(drawn["path"]).is_file()
    assert json.loads(run("export", mixed.path, "-o", tmp_path / "e", "--json")[1])["pictures"] == 300
    gone = json.loads(run("drop", mixed.path, "a.f0000003.t00.jpg", "--json")[1])
    assert gone == {"faces": 1, "by_clip": {"a": 1}, "remaining": 299, "dry_run": False}


def test_sort_prints_names_that_drop_takes(mixed: FaceSet, run: Run) -> None:
    lines = run("sort", mixed.path, "--by", "yaw", "--count", 0)[1].splitlines()
    assert len(lines) == 300
    assert run("drop", mixed.path, *(line.split("\t")[0] for line in lines[:5]))[0] == 0
    assert len(FaceSet.open(mixed.path)) == 295
    assert "290 more" in run("sort", mixed.path, "--count", 5)[1]


def test_the_threshold_is_an_option(mixed: FaceSet, run: Run) -> None:
    assert len(json.loads(run("cluster", mixed.path, "--same-person", 0.999, "--json")[1])) == 3
    assert run("cluster", mixed.path, "--same-person", 2)[0] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("info", "missing.faces"), 1, "missing.faces does not exist"),
        (("drop", "SET"), 2, "nothing to drop"),
        (("drop", "SET", "--where", "__import__('os')"), 2, "not allowed in a filter"),
        (("drop", "SET", "--where", "frame >= 0"), 2, "all 300 faces"),
        (("sort", "SET", "--by", "beauty"), 2, "unknown name 'beauty'"),
        (("sheet", "SET", "-o", "SET/../s.jpg"), 1, "PNG"),
        (("export", "SET", "-o", "SET"), 1, "not empty"),
        (("import", "missing", "-o", "x.faces"), 2, "missing is no folder"),
        (("sheet", "SET"), 2, "--output"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    mixed: FaceSet, run: Run, arguments: tuple[str, ...], code: int, says: str
) -> None:
    found, out, err = run(*(argument.replace("SET", str(mixed.path)) for argument in arguments))
    assert found == code and says in err and out == "" and "Traceback" not in err
    assert len(FaceSet.open(mixed.path)) == 300
