"""Tests of contact sheets: right size, right faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from effigie.errors import EffigieError, UsageError
from effigie.faceset import FaceSet, draw_contact_sheet, pose_coverage
from effigie.faceset.plots.contact_sheet import GAP, HEADING, LABEL, MARGIN, TITLE, select_faces
from effigie.faceset.plots.drawing import BACKGROUND
from effigie.faceset.plots.pose_coverage import PITCH_EDGES, YAW_EDGES, count_poses


def read(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_the_sheet_has_its_size_and_its_faces(mixed: FaceSet, tmp_path: Path) -> None:
    output = tmp_path / "ünïcode sheet.png"
    drawn = draw_contact_sheet(mixed, output, by="yaw", count=50, size=40, columns=10)
    image = read(output)
    assert output.read_bytes().startswith(b"\x89PNG")
    assert image.shape == (drawn.height, drawn.width, 3)
    assert (drawn.faces_drawn, drawn.faces, drawn.people) == (49, 300, 2)
    assert drawn.width == 2 * MARGIN + 10 * (40 + GAP)
    assert drawn.height == TITLE + 2 * HEADING + (4 + 2) * (40 + LABEL + GAP) + MARGIN
    faces = mixed.load(["pose", "cluster"])
    main = np.flatnonzero(faces.cluster == 0)
    first = main[np.argsort(faces.pose[main, 0], kind="stable")[0]]
    top = TITLE + HEADING
    assert np.array_equal(image[top : top + 40, MARGIN : MARGIN + 40], faces.crop(int(first), 40))
    assert (image[-MARGIN:] == BACKGROUND).all()


def test_a_filtered_sheet_of_few_faces(mixed: FaceSet, tmp_path: Path) -> None:
    drawn = draw_contact_sheet(mixed.path, tmp_path / "s.png", where="clip == 'b' and frame < 3", size=64)
    assert (drawn.faces_drawn, drawn.people) == (3, 1) and read(drawn.path).shape == (drawn.height, drawn.width, 3)


def test_faces_are_spread_over_the_order_and_nobody_is_hidden() -> None:
    clusters = np.array([0] * 1000 + [1] * 3 + [-1] * 5)
    groups = select_faces(clusters, np.arange(1008.0), False, count=60, columns=12)
    assert [len(group) for group in groups] == [52, 3, 5]
    assert groups[0][0] == 0 and groups[0][-1] == 999 and np.diff(groups[0]).max() <= 20
    assert groups[1].tolist() == [1000, 1001, 1002] and groups[2].tolist() == [1003, 1004, 1005, 1006, 1007]
    assert [len(group) for group in select_faces(np.arange(20), np.zeros(20), False, 7, 5)] == [1] * 7


@pytest.mark.parametrize("seed", range(20))
def test_never_more_faces_than_asked_nor_any_twice(seed: int) -> None:
    random = np.random.default_rng(seed)
    clusters = random.integers(-1, random.integers(1, 9), random.integers(1, 400))
    count = int(random.integers(1, 200))
    shown = np.concatenate(
        select_faces(clusters, random.random(len(clusters)), True, count, int(random.integers(1, 14)))
    )
    assert len(shown) <= count and len(set(shown.tolist())) == len(shown)
    assert len(shown) >= min(count, len(clusters)) - len(np.unique(clusters))


def test_wrong_requests_are_usage_errors(mixed: FaceSet, tmp_path: Path) -> None:
    for wrong in ({"count": 0}, {"size": 0}, {"columns": -1}, {"by": "beauty"}, {"where": "beauty > 1"}):
        with pytest.raises(UsageError):
            draw_contact_sheet(mixed, tmp_path / "s.png", **wrong)
    with pytest.raises(EffigieError, match=r"s\.png"):
        draw_contact_sheet(mixed, tmp_path / "s.jpg")
    assert not list(tmp_path.glob("s.*g"))


def test_coverage_counts_every_pose(mixed: FaceSet, tmp_path: Path) -> None:
    yaw, pitch = (np.array([-60, -59.9, 0, 59.9, 60, 999, np.nan, -999]), np.array([0, 0, -0.1, 0, 39, 999, 0, -999]))
    found = count_poses(yaw, pitch)
    assert found.counts.shape == (len(PITCH_EDGES) - 1, len(YAW_EDGES) - 1) == (8, 12)
    assert found.counts.sum() == 7 and found.filled == 5
    assert (found.counts[4, 0], found.counts[3, 6], found.counts[4, 11], found.counts[7, 11], found.counts[0, 0]) == (
        *(2, 1, 1, 2, 1),
    )
    drawn = pose_coverage(mixed, tmp_path / "poses.png", where="clip == 'a'")
    image = read(tmp_path / "poses.png")
    assert drawn.counts.sum() == 240
    bright = (image.astype(int).max(axis=2) > 90).mean()
    assert 0.02 < bright < 0.2, "four of 96 cells are coloured"
