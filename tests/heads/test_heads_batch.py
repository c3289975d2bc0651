"""A portrait and several drivers: a video of each, named after them."""

from __future__ import annotations

import pytest

import effigie
from effigie import AnimateSettings, JobSettings
from effigie.errors import UsageError
from effigie.media import probe


@pytest.fixture(scope="module")
def drivers(man, cut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drivers")
    for number in range(2):
        cut(man, folder / f"take{number}.mp4", 8 * number, 8 * number + 8)
    return folder


def test_on_the_command_line(here, woman, woman_consent, drivers, tmp_path):
    arguments = ("animate", woman, "--driver", drivers / "take0.mp4", "--driver", drivers / "take1.mp4")
    arguments += (
        "-o",
        "out",
        "--paint",
        "geometry",
        "--size",
        128,
        "--workers",
        1,
        "--consent",
        woman_consent,
    )
    ended = here(*arguments)
    assert ended.code == 0, ended.err
    assert "2 clips made (16 frames" in ended.out
    for number in range(2):
        assert probe(tmp_path / "out" / f"take{number}.mp4").frames == 8
        assert (tmp_path / "out" / f"take{number}.mp4.notice.txt").is_file()
    assert "2 there already" in here(*arguments).out


def test_templates_drive_too(woman, woman_consent, drivers, tmp_path):
    motion = tmp_path / "take.parquet"
    settings = AnimateSettings(paint="geometry", size=128, save_motion=motion)
    effigie.animate(woman, drivers / "take0.mp4", tmp_path / "one.mp4", settings, consent=woman_consent)
    with pytest.raises(UsageError, match="one driver"):
        effigie.animate_clips(woman, drivers, tmp_path / "out", settings)
    report = effigie.animate_clips(
        woman,
        [motion, drivers / "take1.mp4"],
        tmp_path / "out",
        AnimateSettings(paint="geometry", size=128),
        JobSettings(workers=1),
        consent=woman_consent,
    )
    assert (report.made, report.failed) == (2, {})
    assert (tmp_path / "out" / "take.mp4").is_file()
