"""Some clips of the corpus, showing a face, through extraction, conversion, animation and verification."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import effigie
from effigie.media import EncodeSettings

sys.path.insert(0, str(Path(__file__).parents[1] / "media"))
from clip_corpus import ClipRecipe, SoundTrack, make_clip
from corpus_check import NOTES, describe, is_same
from heif_files import write_grid

pytestmark = pytest.mark.slow

COUNT = 8
QUICK = EncodeSettings(preset="ultrafast", crf=10)
SIZE = (640, 360)
RECIPES = [
    ClipRecipe("avi", "", ".avi", "mpeg4", options={"qscale": "2"}, sounds=(SoundTrack("pcm_s16le"),)),
    ClipRecipe(
        "wmv", "", ".wmv", "wmv2", options={"qscale": "2"}, sounds=(SoundTrack("wmav2", rate=44100),), output=".mkv"
    ),
    ClipRecipe("prores", "", ".mov", "prores_ks", "yuv422p10le", timecode="10:00:00:05", reel="A001", output=".mov"),
    ClipRecipe("companions", "", ".mkv", subtitles="subrip", attachment=True, chapters=2, output=".mkv"),
    ClipRecipe("turned", "", rotation=180, aspect=Fraction(4, 3), full_range=True, sounds=(SoundTrack(),)),
    ClipRecipe("fields", "", options={"x264-params": "tff=1", "flags": "+ildct+ilme"}, output=".mov"),
]


@pytest.fixture(scope="module")
def pictures(man):
    with av.open(str(man)) as container:
        return [
            frame.to_ndarray(format="rgb24") for _, frame in zip(range(COUNT), container.decode(video=0), strict=False)
        ]


def make(folder, recipe, pictures):
    shown = [np.ascontiguousarray(np.rot90(picture, recipe.rotation // 90)) for picture in pictures]
    if recipe.aspect != 1:  # stored squeezed, shown as it was
        import cv2

        width = round(SIZE[0] / recipe.aspect)
        shown = [cv2.resize(picture, (width, SIZE[1]), interpolation=cv2.INTER_AREA) for picture in shown]
    size = (shown[0].shape[1], shown[0].shape[0])
    changed = {**recipe.__dict__, "size": size, "ticks": tuple(range(COUNT))}
    return make_clip(folder, ClipRecipe(**changed), shown)


def lost_in_silence(source, target, notes):
    (_, before), (_, after) = describe(source), describe(target)
    changed = {name for name in before if not is_same(name, before[name], after.get(name))}
    return {
        name: (before[name], after.get(name))
        for name in changed
        if not any(re.search(NOTES[name], note) for note in notes)
    }


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_command_takes_it(quick_model, pictures, tmp_path, recipe):
    clip = make(tmp_path, recipe, pictures)
    assert effigie.extract([clip], tmp_path / "a.faces").faces >= COUNT - 1
    output = tmp_path / f"out{recipe.output}"
    settings = effigie.ConvertSettings(person=0, encode=QUICK, trust=effigie.TrustSettings())
    report = effigie.convert(quick_model, clip, output, settings)
    assert (report.frames, report.swapped) == (COUNT, COUNT)
    assert not lost_in_silence(clip, output, report.notes)
    assert effigie.verify(output).verdict == "made-by-effigie"


def test_a_name_that_the_locale_lacks_is_kept(quick_model, pictures, tmp_path):
    """In the C locale a Japanese name is bytes without letters: the result has them too, and is signed and noted."""
    clip = make(tmp_path, RECIPES[4], pictures).rename(tmp_path / "日本.mp4")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "effigie", "convert", quick_model, clip, "-o", "out/", "--person", "0"]
    ended = subprocess.run([*map(str, command)], capture_output=True, cwd=tmp_path, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    output = tmp_path / "out" / "日本.mp4"
    assert output.with_name("日本.mp4.notice.txt").is_file()
    assert effigie.verify(output).verdict == "made-by-effigie"


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_portraits_of_telephones_are_animated(woman, pictures, tmp_path, kind, woman_consent):
    with av.open(str(woman)) as container:
        face = next(container.decode(video=0)).to_ndarray(format="rgb24")
    portrait = tmp_path / f"woman.{kind}"
    if kind == "heic":
        write_grid(portrait, face, 128)
    else:
        from PIL import Image

        Image.fromarray(face).save(portrait, quality=95)
    driver = make(tmp_path, RECIPES[0], pictures)
    settings = effigie.AnimateSettings(renderer="geometry", encode=QUICK)
    report = effigie.animate(portrait, driver, tmp_path / "out.mp4", settings, consent=woman_consent)
    assert report.frames == COUNT
    assert not any("sound" in note for note in report.notes)
    assert effigie.verify(tmp_path / "out.mp4").verdict == "made-by-effigie"
