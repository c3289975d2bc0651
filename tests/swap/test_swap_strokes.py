"""Tests of strokes on masks: where they lie, on whom and when; what a preview shows of them is what a film has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from effigie.errors import UsageError
from effigie.media import EncodeSettings, VideoReader
from effigie.provenance import TrustSettings
from effigie.swap import ConvertSettings, Preview, convert
from effigie.swap.editing.project import Project, load_project, read_project, save_project
from effigie.swap.editing.shot_settings import ComposeSchedule
from effigie.swap.editing.strokes import PaintSchedule, Stroke, rasterize
from effigie.swap.inference.people.assignment import PersonAssignment

MIDDLE = (0.5, 0.5)
CHEEK = (0.36, 0.55, 0.38, 0.62)
STROKES = (
    Stroke(CHEEK, size=0.12, softness=0.4),
    Stroke((0.5, 0.35), first=4, last=6, size=0.1, softness=0.0),
    Stroke((0.37, 0.58), first=2, mode="add", size=0.04, softness=0.2),
)
FRAMES = 9
SETTINGS = ConvertSettings(
    encode=EncodeSettings(codec="ffv1", keep_audio=False), trust=TrustSettings(label="corner"), strokes=STROKES
)


def test_a_stroke_takes_away_and_adds_by_its_size_and_softness():
    hard, soft = (rasterize([Stroke(MIDDLE, size=0.25, softness=each)], 128) for each in (0.0, 1.0))
    assert hard.keep[64, 64] == 0 and hard.keep[64, 64 + 14] == 0 and hard.keep[64, 64 + 18] == 1
    assert 0.3 < soft.keep[64, 64 + 8] < 0.8 and soft.keep[64, 64 + 18] == 1
    assert not hard.add.any()
    added = rasterize([Stroke(MIDDLE, mode="add", size=0.25, softness=0.0)], 128)
    assert np.array_equal(added.apply(np.zeros((128, 128), np.float32)), added.add) and added.add[64, 64] == 1
    line = rasterize([Stroke((0.25, 0.5, 0.75, 0.5), size=0.1, softness=0.0)], 128)
    assert not line.keep[63, 34:94].any() and line.keep[63, 20] == 1


def test_later_strokes_lie_over_earlier_ones():
    erase, add = Stroke(MIDDLE, size=0.2, softness=0.0), Stroke(MIDDLE, mode="add", size=0.2, softness=0.0)
    mask = np.full((64, 64), 0.5, np.float32)
    assert rasterize([erase, add], 64).apply(mask)[32, 32] == 1
    assert rasterize([add, erase], 64).apply(mask)[32, 32] == 0
    assert rasterize([add], 64).apply(mask)[32, 2] == 0.5


def test_nothing_is_added_on_the_crops_border():
    paint = rasterize([Stroke((0.0, 0.0, 1.0, 1.0), mode="add", size=0.6)], 64)
    assert not paint.add[[0, -1]].any() and not paint.add[:, [0, -1]].any() and paint.add[5, 5] == 1
    assert (rasterize([Stroke((1.8, 1.9))], 64).keep == 1).all()  # beyond it


def test_strokes_lie_on_their_frames_and_their_models_faces():
    schedule = PaintSchedule((Stroke(MIDDLE, first=3, last=5), Stroke(CHEEK, first=5, model="anna")))
    assert schedule(2, "anna", 64) is None and schedule(6, "ben", 64) is None
    assert schedule(3, "ben", 64) is schedule(4, "anna", 64)  # the same paint
    assert schedule(5, "anna", 64) is not schedule(5, "ben", 64)
    assert schedule(9, "anna", 64) is not None
    assert ComposeSchedule(SETTINGS.compose).paint(0, "anna", 64) is None


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"points": ()}, "an x and a y"),
        ({"points": (0.1, 0.2, 0.3)}, "an x and a y"),
        ({"points": (0.1, 9.0)}, "in the face's crop"),
        ({"points": (0.1, float("nan"))}, "in the face's crop"),
        ({"mode": "blur"}, "erase or add"),
        ({"size": 2.0}, "size is"),
        ({"softness": 2.0}, "softness 0 to 1"),
        ({"first": 5, "last": 4}, "frames 5 to 4"),
    ],
)
def test_strokes_that_there_are_not(changes, line):
    with pytest.raises(UsageError, match=line):
        replace(STROKES[0], **changes)


def test_a_project_keeps_strokes(tmp_path):
    project = Project(tmp_path / "a.mp4", (PersonAssignment(tmp_path / "anna"),), settings=ConvertSettings())
    assert "strokes" not in _saved(project, tmp_path)
    painted = replace(project, settings=replace(project.settings, strokes=STROKES))
    text = _saved(painted, tmp_path)
    assert load_project(tmp_path / "scene.toml").settings.strokes == STROKES
    assert text.count("[[strokes]]") == 3 and "points = [0.36, 0.55, 0.38, 0.62]" in text
    document = {"clip": "a.mp4", "people": [{"model": "anna"}], "strokes": [{"points": [0, 1]}]}
    assert read_project(document, Path("x.toml")).settings.strokes == (Stroke((0.0, 1.0)),)
    with pytest.raises(UsageError, match="a list of numbers"):
        read_project({**document, "strokes": [{"points": ["a", "b"]}]}, Path("x.toml"))


def _saved(project, folder):
    save_project(project, folder / "scene.toml")
    return (folder / "scene.toml").read_text("utf-8")


@pytest.fixture(scope="module")
def clip(footage):
    return footage("8-bit", FRAMES)


@pytest.fixture(scope="module")
def film(quick_model, clip, tmp_path_factory):
    """Frames that a conversion wrote with the strokes, without loss, and its id."""
    output = tmp_path_factory.mktemp("painted") / "out.mkv"
    report = convert(quick_model, clip, output, SETTINGS)
    with VideoReader(output) as reader:
        return [frame.image for frame in reader], report.output_id


@pytest.mark.slow
def test_what_a_preview_shows_of_paint_is_what_a_film_has(quick_model, clip, film):
    with Preview(quick_model, clip, SETTINGS, output_id=film[1]) as preview:
        for index in (1, 2, 3, 4, 7, 8):  # before, at and after ranges begin and end
            shown = preview.frame(index)
            assert shown.state == "film"
            assert np.array_equal(shown.image, film[0][index]), index
        bare = preview.frame(1, replace(SETTINGS, strokes=()))
        assert not np.array_equal(bare.image, film[0][1])
        assert np.array_equal(preview.frame(1).image, film[0][1])  # taken back and painted again


@pytest.mark.slow
def test_paint_goes_with_the_head(quick_model, clip, film):
    """Where the stroke lies in the crop, the mask is taken away in every frame; the rest of it is as it was."""
    stroke = replace(STROKES[0], softness=0.0)
    painted, bare = (replace(SETTINGS, strokes=strokes) for strokes in ((stroke,), ()))
    with Preview(quick_model, clip, painted, output_id=film[1]) as preview:
        for index in (0, 8):
            shown, before = preview.frame(index), preview.frame(index, bare)
            ((_, face),) = shown.faces
            inverse = cv2.invertAffineTransform(face.matrix(1000))
            points = np.array(stroke.points).reshape(-1, 2) * 1000 - 0.5
            x, y = np.rint(points @ inverse[:, :2].T + inverse[:, 2]).astype(int).T
            assert (before.mask[y, x] > 200).all() and not shown.mask[y, x].any()
            assert np.abs(shown.image[y, x].astype(int) - shown.footage[y, x]).max() <= 12  # the mark alone
            other = ((0.64, 0.6) @ (1000 * inverse[:, :2].T)) + inverse[:, 2]
            x, y = np.rint(other).astype(int)
            assert shown.mask[y, x] == before.mask[y, x] > 200
