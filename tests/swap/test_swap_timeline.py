"""Tests of OpenTimelineIO: shots go out as a cut, and a cut's ranges come in."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from effigie.compositing import ComposeSettings
from effigie.errors import UsageError
from effigie.media import probe
from effigie.swap import ConvertSettings, PersonAssignment
from effigie.swap.editing.project import Project
from effigie.swap.editing.shot_settings import ShotList, ShotSettings
from effigie.swap.editing.timeline import load_ranges, restrict_shots, save_timeline

sys.path.insert(0, str(Path(__file__).parents[1] / "media"))
from clip_corpus import ClipRecipe, make_clip

otio = pytest.importorskip("opentimelineio")
COUNT = 60


def clip_of(folder, **changes):
    return make_clip(folder, ClipRecipe("scene", "", ".mov", ticks=tuple(range(COUNT)), **changes))


@pytest.fixture
def clip(tmp_path):
    """Sixty frames that begin at ten o'clock."""
    return clip_of(tmp_path, timecode="10:00:00:00", reel="A001")


def cut(path, media, ranges, rate=25.0, start=0, available=True):
    """A timeline of another program: ranges of (media's name, first frame, frames)."""
    timeline = otio.schema.Timeline("edit")
    track = otio.schema.Track("V1")
    timeline.tracks.append(track)

    def time(value):
        return otio.opentime.RationalTime(value, rate)

    for name, first, frames in ranges:
        reference = otio.schema.ExternalReference(f"file:///elsewhere/{name}")
        if available:
            reference.available_range = otio.opentime.TimeRange(time(start), time(COUNT))
        shown = otio.opentime.TimeRange(time(start + first), time(frames))
        track.append(otio.schema.Clip(name="c", media_reference=reference, source_range=shown))
        track.append(otio.schema.Gap(duration=time(5)))
    otio.adapters.write_to_file(timeline, str(path))
    return path


def test_shots_go_out(clip, tmp_path):
    shots = (ShotSettings(10, 19, compose=ComposeSettings(color="none")), ShotSettings(40, None, skip=True))
    project = Project(clip, (PersonAssignment(Path("m")),), tmp_path / "out.mov", ConvertSettings(shots=shots))
    save_timeline(project, tmp_path / "shots.otio")
    timeline = otio.adapters.read_from_file(str(tmp_path / "shots.otio"))
    found = list(timeline.find_clips())
    start = 10 * 3600 * 25
    assert timeline.global_start_time == otio.opentime.RationalTime(start, 25)
    assert [(one.source_range.start_time.value - start, one.source_range.duration.value) for one in found] == [
        *((0, 10), (10, 10), (20, 20), (40, 20))
    ]
    assert [one.metadata["effigie"].get("skip") for one in found] == [None, False, None, True]
    assert found[1].metadata["effigie"]["compose"]["color"] == "none"
    for one in found:
        assert one.media_reference.target_url == (tmp_path / "out.mov").as_uri()
        assert one.media_reference.metadata["reel"] == "A001"
    assert timeline.duration().value == COUNT


def test_what_goes_out_comes_in(clip, tmp_path):
    save_timeline(Project(clip, (PersonAssignment(Path("m")),)), tmp_path / "whole.otio")
    assert load_ranges(tmp_path / "whole.otio", clip) == [(0, COUNT - 1)]


@pytest.mark.parametrize(("start", "available"), [(0, True), (900000, True), (900000, False), (0, False)])
def test_ranges_come_in(clip, tmp_path, start, available):
    ranges = [("scene.mov", 30, 10), ("SCENE.mxf", 5, 10), ("other.mov", 0, 60), ("scene.mov", 12, 8)]
    path = cut(tmp_path / "edit.otio", clip, ranges, start=start, available=available)
    assert load_ranges(path, clip) == [(5, 19), (30, 39)]


@pytest.mark.parametrize(("rate", "wanted"), [(24.0, (24, 47)), (50.0, (12, 23))])
def test_other_rates(tmp_path, rate, wanted):
    clip = clip_of(tmp_path, tick=Fraction(1001, 24000) if rate == 24 else Fraction(1, 25))
    path = cut(tmp_path / "edit.otio", clip, [("scene.mov", 24, 24)], rate=rate)
    assert load_ranges(path, clip) == [wanted]


def test_only_the_ranges_are_swapped():
    shots = restrict_shots(
        (ShotSettings(0, 9, excluded_models=("m",)), ShotSettings(35, 80, skip=True)), [(5, 19), (30, 39)]
    )
    found = ShotList(shots)
    skipped = [frame for frame in range(60) if (shot := found(frame)) is not None and shot.skip]
    assert skipped == [*range(5), *range(20, 30), *range(35, 60)]
    without = [frame for frame in range(60) if (shot := found(frame)) is not None and shot.excluded_models]
    assert without == [5, 6, 7, 8, 9]


def test_what_is_no_cut_of_the_clip(clip, tmp_path):
    two = cut(tmp_path / "two.otio", clip, [("a.mov", 0, 5), ("b.mov", 0, 5)])
    (tmp_path / "words.otio").write_text("words")
    (tmp_path / "json.otio").write_text('{"OTIO_SCHEMA": "Clip.2", "name": "x"}')
    for path, words in {
        two: "uses nothing of scene.mov",
        tmp_path / "words.otio": "is no timeline",
        tmp_path / "json.otio": "no timeline|uses nothing|holds no timeline",
        tmp_path / "missing.otio": "is no timeline",
    }.items():
        with pytest.raises(UsageError, match=words):
            load_ranges(path, clip)
    with pytest.raises(UsageError, match=r"end it with \.otio"):
        save_timeline(Project(clip, ()), tmp_path / "x.xml")


@pytest.mark.slow
def test_through_the_command_line(quick_model, man, tmp_path, here):
    rate = float(probe(man).rate)
    path = cut(tmp_path / "edit.otio", man, [(man.name, 2, 3), (man.name, 6, 1)], rate)
    ended = here(
        *("convert", quick_model, man, "-o", "out.mp4", "--frames", 8, "--timeline", path),
        *("--save-timeline", "shots.otio", "--person", 0, "--json"),
    )
    assert ended.code == 0, ended.err
    assert (json.loads(ended.out)["frames"], json.loads(ended.out)["swapped"]) == (8, 4)
    shots = list(otio.adapters.read_from_file(str(tmp_path / "shots.otio")).find_clips())
    assert [one.metadata["effigie"]["skip"] for one in shots if "skip" in one.metadata["effigie"]][:2] == [True, True]
