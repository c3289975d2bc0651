"""Tests of expanding files, folders and patterns to clips."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from effigie.errors import MediaError
from effigie.media import expand_paths


@pytest.fixture
def tree(tmp_path):
    def touch(name):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")

    for name in (
        *("talks/clip10.mp4", "talks/clip2.MOV", "talks/cover.jpg", "talks/notes.txt", "talks/.hidden.mp4"),
        *("shots/0001.png", "shots/0002.png", "shots/readme.md"),
        *("people/anna.png", "people/ben.jpg", "people/deep/dave.gif"),
        *("mixed/a1.png", "mixed/b2.png", "empty/notes.txt"),
    ):
        touch(name)
    return tmp_path


def names(clips, root):
    return [str(clip.relative_to(root)) for clip in clips]


def test_folder_of_videos_gives_the_videos_as_people_count(tree):
    assert names(expand_paths([tree / "talks"]), tree) == ["talks/clip2.MOV", "talks/clip10.mp4"]


def test_numbered_pictures_are_one_clip_and_others_are_stills(tree):
    assert names(expand_paths(tree / "shots"), tree) == ["shots"]
    assert names(expand_paths([tree / "mixed"]), tree) == ["mixed/a1.png", "mixed/b2.png"]
    assert names(expand_paths([tree / "people"], recursive=False), tree) == ["people/anna.png", "people/ben.jpg"]


def test_folders_recurse_and_nothing_comes_twice(tree):
    everything = names(expand_paths([tree, str(tree / "talks"), tree / "people/anna.png"]), tree)
    assert everything == [
        *("mixed/a1.png", "mixed/b2.png", "people/anna.png", "people/ben.jpg", "people/deep/dave.gif"),
        *("shots", "talks/clip2.MOV", "talks/clip10.mp4"),
    ]


def test_patterns(tree):
    assert names(expand_paths(f"{tree}/*/clip*"), tree) == ["talks/clip2.MOV", "talks/clip10.mp4"]
    assert names(expand_paths(f"{tree}/**/*.gif"), tree) == ["people/deep/dave.gif"]


def test_a_name_with_brackets_is_a_name_first(tmp_path):
    path = tmp_path / "take [1].png"
    cv2.imwrite(str(path), np.zeros((4, 4, 3), np.uint8))
    assert expand_paths(path) == [path]


@pytest.mark.parametrize("wanted", ["missing.mp4", "talks/notes.txt", "empty", "talks/*.txt"])
def test_nothing_to_read_is_an_error(tree, wanted):
    with pytest.raises(MediaError):
        expand_paths([tree / wanted])
    with pytest.raises(MediaError):
        expand_paths([])
