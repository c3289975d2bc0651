"""Tests of where outputs go, of plans, and of terminals that cannot show everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from effigie.cli import console
from effigie.cli.app import explain_fault
from effigie.cli.outputs import Destination, choose_destination, is_file_name
from effigie.cli.reporting import create_reporter
from effigie.errors import UsageError
from effigie.progress import Progress


@pytest.mark.parametrize(
    ("output", "frames_to", "many", "wanted"),
    [
        ("out.mp4", None, False, Destination("out.mp4", False)),
        ("out.png", None, False, Destination("out.png", False)),
        ("out/", None, False, Destination("out/", True)),
        ("out", None, False, Destination("out", True)),
        ("out", None, True, Destination("out", True)),
        ("out.mp4/", None, False, Destination("out.mp4/", True)),
        (None, "frames", False, Destination("frames", False, True)),
        (None, "frames", True, Destination("frames", True, True)),
    ],
)
def test_one_option_one_meaning(tmp_path, monkeypatch, output, frames_to, many, wanted):
    monkeypatch.chdir(tmp_path)
    assert choose_destination(output, frames_to, many) == wanted


@pytest.mark.parametrize(
    ("output", "frames_to", "many"),
    [(None, None, False), ("a", "b", False), ("a.mp4", None, True), (None, "a.mp4", False)],
)
def test_contradictions(output, frames_to, many):
    with pytest.raises(UsageError):
        choose_destination(output, frames_to, many)


def test_a_folder_that_is_there_is_a_folder_whatever_its_name(tmp_path):
    (tmp_path / "shots.mp4").mkdir()
    assert not is_file_name(str(tmp_path / "shots.mp4"))
    assert is_file_name("x.avi")  # which is refused, and not taken for a folder


def test_outputs_of_clips_bear_their_names():
    assert Destination("out/", True).of_clip("/a/talk.avi", "mov") == "out/talk.mov"
    assert Destination("out", True, frames=True).of_clip("/a/talk.avi", "mov") == "out/talk"
    assert Destination("out.mp4", False).of_clip("/a/talk.avi", "mov") == "out.mp4"


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))


def test_a_pattern_that_matches_one_clip_is_planned_as_one_that_matches_several(here, man, tmp_path, nowhere):
    (tmp_path / "a1.mp4").write_bytes(man.read_bytes())
    one = here("convert", "model", tmp_path / "a*.mp4", "-o", "out", "--dry-run", "--json")
    named = here("convert", "model", tmp_path / "a1.mp4", "-o", "out", "--dry-run", "--json")
    (tmp_path / "a2.mp4").write_bytes(man.read_bytes())
    two = here("convert", "model", tmp_path / "a*.mp4", "-o", "out", "--dry-run", "--json")
    outputs = [[plan["output"] for plan in json.loads(ended.out)] for ended in (one, named, two)]
    assert outputs == [["out/a1.mp4"], ["out/a1.mp4"], ["out/a1.mp4", "out/a2.mp4"]]
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_stands_against_it(here, man, tmp_path, nowhere):
    planned = here("convert", "model", man, "-o", "out.mp4", "--dry-run")
    assert planned.code == 0
    for words in ("MP4", "640x360", "signed: in the file", "disk: about"):
        assert words in planned.out
    (tmp_path / "broken.mp4").write_bytes(b"words")
    both = here("convert", "model", man, tmp_path / "broken.mp4", "-o", "out", "--dry-run")
    assert both.code == 1
    assert "broken.mp4 is not a clip" in both.out and "640x360" in both.out
    assert here("convert", "model", man, "-o", "out.mp4", "--codec", "prores", "--dry-run").code == 1
    assert here("animate", man, "--driver", man, "-o", "out.mov", "--dry-run").code == 0
    assert here("swap", man, man, "--frames-to", "frames", "--dry-run").code == 0
    layers = ("--layers", tmp_path / "layers", "--dry-run")
    planned = here("convert", "model", man, "-o", "out.mp4", *layers, "--json")
    assert json.loads(planned.out)[0]["layers"]["folder"] == str(tmp_path / "layers")
    assert "layers: " in here("swap", man, man, "-o", "out.mp4", *layers).out
    assert here("convert", "model", man, man, "-o", "out", *layers).code == 2
    assert not (tmp_path / "layers").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.mp4", "home"]


def test_the_end_is_checked_before_anything_is_loaded(here, man, tmp_path, nowhere):
    """The model does not exist, and is not what is complained of: the output is looked at first."""
    for arguments, words in {
        ("-o", "out.mp4", "--codec", "dnxhr"): "name the output .mov",
        ("-o", "out.webm"): "cannot be written",
        ("-o", "x" * 250 + ".mp4"): "too long",
        ("-o", "out.mp4", "--certificate", "none.pem", "--key", "none.pem"): "none.pem",
    }.items():
        ended = here("convert", "nomodel", man, *arguments)
        assert ended.code in (1, 2) and words in ended.line()


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_letters_that_a_terminal_lacks_cost_nothing(man, cut, tmp_path, environment):
    clip = cut(man, tmp_path / "man.mp4", 0, 2).rename(tmp_path / "日本 é.mp4")
    given = {**os.environ, **environment, "EFFIGIE_HOME": str(tmp_path / "home")}
    json_at_first = (["verify", "--json", clip], ["convert", "m", clip, "-o", "out", "--dry-run"])
    for arguments in json_at_first if "cp1252" in environment.values() else [["verify", clip]]:
        command = [sys.executable, "-m", "effigie", *map(str, arguments)]
        ended = subprocess.run(command, capture_output=True, env=given, check=False)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout
        if "--json" in arguments:
            assert json.loads(ended.stdout)["verdict"] == "nothing-found"


def test_json_has_the_letters_that_the_terminal_has():
    assert "é" in console.format_json({"name": "é"}, "cp1252")
    assert console.format_json({"name": "日"}, "cp1252") == '{\n  "name": "\\u65e5"\n}'
    assert json.loads(console.format_json({"name": "\udce6"}, "utf-8")) == {"name": "\udce6"}


def test_a_narrow_terminal_gets_a_list(monkeypatch, capsys):
    rows = [("interview_with_a_long_name", "1200", "3"), ("talk", "90", "1")]
    columns = ("clip", "frames", "faces")
    monkeypatch.setattr(console.OUT, "_width", 80)
    console.print_table(columns, rows)
    assert "│" in capsys.readouterr().out
    monkeypatch.setattr(console.OUT, "_width", 20)
    console.print_table(columns, rows)
    shown = capsys.readouterr().out
    assert "│" not in shown
    for name, values in zip(columns, zip(*rows, strict=True), strict=True):
        for value in values:
            assert f"{name}: {value}" in shown


def test_the_last_line_of_progress_is_the_result(capsys):
    """A container that promises 10 frames and holds 11: what is said last is what was made."""
    with create_reporter("lines", console.ERRORS) as report:
        for done in range(1, 12):
            report(Progress("convert", done, 10, "frames", f"{done} swapped"))
        report(Progress("convert", 11, 11, "frames", "11 swapped"))
    assert capsys.readouterr().err.splitlines()[-1] == "convert: 11/11 frames 11 swapped"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried"), "not enough memory"),
        (ModuleNotFoundError("x", name="ray"), "the Python package ray is missing"),
        (PermissionError(13, "denied", "/x/y"), "no permission to write /x/y"),
        (KeyError("x"), "a fault of effigie, KeyError: 'x'; please report it"),
    ],
)
def test_a_fault_says_what_to_do(error, words):
    told = explain_fault(error)
    assert words in told and "\n" not in told
