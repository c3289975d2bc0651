"""Tests of one portrait with several drivers: a video for each, named after them."""

from __future__ import annotations

import cv2
import pytest

import effigie
from effigie import AnimateSettings
from effigie.errors import UsageError
from effigie.heads import read_motion, save_motion
from effigie.media import VideoReader, probe

pytestmark = pytest.mark.slow

FRAMES = 2


@pytest.fixture(scope="module")
def drivers(man, cut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drivers")
    for number in range(2):
        cut(man, folder / f"take{number}.mp4", 8 * number, 8 * number + FRAMES)
    return folder


@pytest.fixture(scope="module")
def still(woman, tmp_path_factory):
    """The woman's first frame as a file."""
    path = tmp_path_factory.mktemp("still") / "woman.png"
    with VideoReader(woman, stop=1) as reader:
        cv2.imwrite(str(path), next(iter(reader)).image[..., ::-1])
    return path


def test_on_the_command_line_clips_and_templates(here, still, woman_consent, drivers, tmp_path):
    save_motion(read_motion(drivers / "take1.mp4"), tmp_path / "motion.parquet")
    arguments = ("animate", still, "-o", "out", "--renderer", "geometry", "--size", 128, "--workers", 1)
    arguments += ("--consent", woman_consent)
    for driver in (drivers / "take0.mp4", drivers / "take1.mp4", "motion.parquet"):
        arguments += ("--driver", driver)
    ended = here(*arguments)
    assert ended.code == 0, ended.err
    assert f"3 clips made ({3 * FRAMES} frames" in ended.out
    for name in ("take0", "take1", "motion"):
        assert probe(tmp_path / "out" / f"{name}.mp4").frames == FRAMES
        assert (tmp_path / "out" / f"{name}.mp4.notice.txt").is_file()
    assert "3 there already" in here(*arguments).out


def test_a_template_is_kept_of_one_driver(still, drivers, tmp_path):
    settings = AnimateSettings(renderer="geometry", size=128, save_motion=tmp_path / "take.parquet")
    with pytest.raises(UsageError, match="one driver"):
        effigie.animate_clips(still, drivers, tmp_path / "out", settings)
    assert not list(tmp_path.iterdir())
