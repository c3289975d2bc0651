"""Tests of plans: what would fail at the end fails at the beginning, and what is planned comes true."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from clip_corpus import ClipRecipe, SoundTrack, make_clip
from media_clips import make

from effigie.errors import EffigieError, UsageError
from effigie.media import EncodeSettings, VideoWriter, plan_output, probe
from effigie.media.output import place
from effigie.media.output.encoders import ENCODERS

Usage = shutil.disk_usage("/").__class__


@pytest.fixture
def clip(tmp_path):
    return make(tmp_path / "in.mp4", count=5)


@pytest.fixture
def info(clip):
    return probe(clip)


@pytest.mark.parametrize("codec", ENCODERS)
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_every_pair_of_codec_and_container_works_or_is_refused(tmp_path, codec, suffix):
    info = probe(make_clip(tmp_path, ClipRecipe("in", "", size=(256, 128))))
    target = tmp_path / f"out{suffix}"
    settings = EncodeSettings(codec=codec, preset="ultrafast")
    try:
        plan = plan_output(target, info, settings)
    except UsageError as refusal:
        assert "name the output" in str(refusal)
        with pytest.raises(UsageError):
            VideoWriter(target, info, settings)
        return
    with VideoWriter(target, info, settings) as writer:
        for index in range(3):
            writer.write(np.zeros((128, 256, 3), np.uint8), Fraction(index, 25))
    made = probe(target)
    assert (made.width, made.height) == (plan.width, plan.height)
    form = "yuv444p12le" if codec == "prores4444" else plan.pixel_format  # as FFmpeg's decoder gives it back
    assert made.pixel_format == form


def test_a_codec_says_its_smallest_picture(tmp_path, info):
    with pytest.raises(UsageError, match="256x120"):
        plan_output(tmp_path / "out.mov", info, EncodeSettings(codec="dnxhr"))


def test_a_name_that_is_too_long_with_its_notice(tmp_path, info):
    fits = "x" * (255 - len(".mp4.notice.txt")) + ".mp4"
    plan_output(tmp_path / fits, info)
    with pytest.raises(UsageError, match="too long by 1 byte"):
        plan_output(tmp_path / f"x{fits}", info)
    with pytest.raises(UsageError, match="too long"):
        plan_output(tmp_path / ("é" * 125 + ".mp4"), info)


def test_places_where_nothing_can_be_written(tmp_path, info, clip):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    for path, words in {
        clip: "is the clip being read",
        tmp_path / "file" / "out.mp4": "is no folder",
        tmp_path / "file": "is a file",
        tmp_path / "folder.mp4": "is a folder",
        tmp_path / "full": "holds more than frames",
        tmp_path / "out.webm": "cannot be written",
    }.items():
        with pytest.raises(UsageError, match=words):
            plan_output(path, info)
    assert plan_output(tmp_path / "new" / "deep" / "out.mp4", info).kind == "video"
    assert not (tmp_path / "new").exists()  # a plan makes nothing


def test_a_link_to_the_clip_is_the_clip(tmp_path, clip, info):
    os.link(clip, tmp_path / "hard.mp4")
    (tmp_path / "soft.mp4").symlink_to(clip)
    for name in ("hard.mp4", "soft.mp4"):
        with pytest.raises(UsageError, match="is the clip being read"):
            plan_output(tmp_path / name, info)


@pytest.mark.skipif(os.name != "posix", reason="needs another user")
def test_no_permission(tmp_path, clip):
    """As a user who may read and not write there; root may write everywhere."""
    program = (
        "import os, sys\n"
        "from effigie.media import plan_output, probe\n"
        "from effigie.errors import EffigieError\n"
        f"info = probe({str(clip)!r})\n"
        "plan_output(sys.argv[1], info)\n"  # which loads what it needs
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try: plan_output(sys.argv[1], info)\n"
        "except EffigieError as error: print(error)\n"
    )
    if os.getuid():
        program = program.replace("plan_output(sys.argv[1], info)\n", "", 1)
    place = tmp_path / "closed"
    place.mkdir(mode=0o555)
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == os.getuid() and folder != folder.parent:
            folder.chmod(folder.stat().st_mode | 0o055)
    ended = subprocess.run(
        [sys.executable, "-c", program, place / "out.mp4"], capture_output=True, text=True, check=False
    )
    assert "no permission to write" in ended.stdout, ended.stderr


def test_a_disk_that_is_certainly_too_full(tmp_path, info, monkeypatch):
    needed = plan_output(tmp_path / "out.mp4", info).bytes_needed
    monkeypatch.setattr(place.shutil, "disk_usage", lambda path: Usage(1 << 40, 1 << 40, needed // 5))
    with pytest.raises(EffigieError, match="free some space"):
        plan_output(tmp_path / "out.mp4", info)
    monkeypatch.setattr(place.shutil, "disk_usage", lambda path: Usage(1 << 40, 1 << 40, needed * 2))
    assert plan_output(tmp_path / "out.mp4", info).bytes_free == needed * 2


def test_longer_outputs_need_more_room(tmp_path, info):
    whole = plan_output(tmp_path / "out.mp4", info)
    few = plan_output(tmp_path / "out.mp4", info, max_frames=1)
    assert (whole.frames, few.frames) == (5, 1)
    assert whole.bytes_needed == pytest.approx(5 * few.bytes_needed, abs=5)
    part = plan_output(tmp_path / "out.mp4", info, span=(Fraction(0), Fraction(2, 25)))
    assert (part.frames, part.seconds) == (2, Fraction(2, 25))


def test_the_plan_in_words(tmp_path):
    recipe = ClipRecipe(
        *("in", "", ".mkv"),
        sounds=(SoundTrack("pcm_s16le", "2.1"), SoundTrack("flac")),
        subtitles="ass",
        attachment=True,
        chapters=2,
    )
    plan = plan_output(tmp_path / "out.mov", probe(make_clip(tmp_path, recipe)))
    text = "\n".join(plan.lines)
    for words in (
        *("MOV", "h264 yuv420p, 96x64", "25 frames/s", "sound: pcm_s16le, copied", "re-encoded as alac"),
        *("rewritten as mov_text", "attachment", "left out", "chapters: 2", "note: "),
    ):
        assert words in text, (words, text)
    assert [stream.action for stream in plan.streams] == ["copy", "encode", "convert", "leave out"]


def test_timecode_moves_with_the_span(tmp_path):
    clip = make_clip(tmp_path, ClipRecipe("in", "", ".mov", timecode="10:00:00:20"))
    info = probe(clip)
    span = (Fraction(5, 25), None)
    with VideoWriter(tmp_path / "out.mov", info, EncodeSettings(preset="ultrafast"), span) as writer:
        for index in (5, 6):
            writer.write(np.zeros((64, 96, 3), np.uint8), Fraction(index, 25))
    assert probe(tmp_path / "out.mov").timecode == "10:00:01:00"
