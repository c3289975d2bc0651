"""Tests of previews: what is shown before a conversion is what the conversion writes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from effigie.compositing import ComposeSettings
from effigie.compositing.mask import MaskSettings
from effigie.errors import CancelledError, MediaError, UsageError
from effigie.media import EncodeSettings, VideoReader
from effigie.progress import CancelToken
from effigie.provenance import TrustSettings
from effigie.swap import ConvertSettings, Preview, convert
from effigie.swap.editing.shot_settings import KeyFrame, ShotSettings

FRAMES = 26
SOFT = ComposeSettings(mask=MaskSettings(feather=0.2), color="reinhard")
SHOTS = (
    ShotSettings(4, 9, compose=SOFT),
    ShotSettings(10, 12, skip=True),
    ShotSettings(14, 20, keys=(KeyFrame(15), KeyFrame(19, replace(SOFT, complexion=0.2)))),
)
SETTINGS = ConvertSettings(
    encode=EncodeSettings(codec="ffv1", keep_audio=False), trust=TrustSettings(label="corner"), shots=SHOTS
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clip(footage):
    """The man's first frames, lossless."""
    return footage("8-bit", FRAMES)


@pytest.fixture(scope="module")
def film(quick_model, clip, tmp_path_factory):
    """Frames that a conversion wrote, without loss, and its id."""
    output = tmp_path_factory.mktemp("film") / "out.mkv"
    report = convert(quick_model, clip, output, SETTINGS)
    with VideoReader(output) as reader:
        return [frame.image for frame in reader], report.output_id


@pytest.fixture(scope="module")
def preview(quick_model, clip, film):
    with Preview(quick_model, clip, SETTINGS, output_id=film[1]) as opened:
        yield opened


def test_a_frame_is_the_films_to_the_last_bit(preview, film):
    for index in (9, 3, 25, 11):
        shown = preview.frame(index)
        assert shown.state == "film"
        assert np.array_equal(shown.image, film[0][index]), index
        assert bool(shown.mask.any()) == (not 10 <= index <= 12)


def test_a_frame_is_the_films_whatever_opencv_does_elsewhere(preview, film):
    threads = cv2.getNumThreads()
    try:
        for count in (1, 3):  # sums round by how many there are: 3 to 6 samples of some frames
            cv2.setNumThreads(count)
            assert all(np.array_equal(preview.frame(index).image, film[0][index]) for index in range(10))
    finally:
        cv2.setNumThreads(threads)


def test_other_settings_are_shown_and_those_before_come_back(preview, film):
    other = replace(SETTINGS, compose=ComposeSettings(color="none", blend="feather"))
    assert not np.array_equal(preview.frame(2, other).image, film[0][2])
    assert not np.array_equal(preview.frame(2, replace(SETTINGS, shots=())).image[100], 0)
    assert np.array_equal(preview.frame(2).image, film[0][2])


def test_a_frame_settles_within_half_a_level_of_the_film(preview, film):
    for index in (9, 13, 25):
        settled = preview.frame(index, settle=8)
        face = settled.mask > 0
        if face.any():
            difference = np.abs(settled.image.astype(float) - film[0][index])[face]
            assert difference.mean() <= 0.5
        assert np.abs(settled.image.astype(float) - film[0][index])[~face].mean() < 0.1


def test_a_draft_is_the_footage_but_for_the_face_and_says_that_it_is_one(preview, film):
    draft = preview.draft(25)
    assert draft.state == "draft" and draft.mask.any() and draft.faces[0][0] == "model"
    difference = np.abs(draft.image.astype(float) - film[0][25])
    assert difference[draft.mask == 0].mean() < 0.2  # the mark, whose strength is shared out over the whole frame
    assert 0 < difference[draft.mask > 0].mean() < 6


def test_an_unmeasured_frame_has_a_draft(quick_model, clip, monkeypatch, film):
    monkeypatch.setattr(Preview, "measured", property(lambda self: 0))
    with Preview(quick_model, clip, SETTINGS, output_id=film[1]) as opened:
        draft = opened.draft(25)
        assert draft.mask.any()
        face = draft.mask > 0
        assert np.abs(draft.image.astype(float) - film[0][25])[face].mean() < 8
        assert not opened.draft(11).mask.any()  # its shot is left as it is


def test_what_is_shown_is_marked(preview):
    plain = replace(SETTINGS, trust=TrustSettings(watermark=False, label="corner"))
    marked, unmarked = preview.frame(5).image, preview.frame(5, plain).image
    difference = cv2.cvtColor(cv2.absdiff(marked, unmarked), cv2.COLOR_RGB2GRAY)
    assert (difference > 0).mean() > 0.2 and difference.max() < 20


def test_frames_and_settings_that_there_are_not(preview):
    with pytest.raises(MediaError, match="no frame 26"):
        preview.frame(FRAMES)
    with pytest.raises(UsageError, match="eyewear"):
        preview.frame(0, replace(SETTINGS, eyewear="none"))
    cancel = CancelToken()
    cancel.set()
    with pytest.raises(CancelledError):
        preview.frame(7, cancel=cancel)
    assert preview.measured == preview.count == FRAMES and preview.person_ranges == [(0, FRAMES - 1)]
