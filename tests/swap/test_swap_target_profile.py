"""Tests of the target's face profile: it is that of the clip which is converted, if enough of the clip shows them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from effigie.io.measurements import cache_root
from effigie.media import VideoReader
from effigie.media.inputs import digest_files
from effigie.prior.frame_bank import lip_gap
from effigie.swap import ConvertSettings, PersonAssignment, Preview
from effigie.swap.inference.people.cast import Cast
from effigie.swap.target_profile import measure_profile, measure_target

FRAMES = 70


@pytest.fixture(autouse=True)
def _fresh_cache(tmp_path, monkeypatch):
    """What was measured before is not known; fetched files are."""
    assets = cache_root() / "assets"
    monkeypatch.setenv("EFFIGIE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    if assets.exists():
        (tmp_path / "cache" / "assets").symlink_to(assets)


@pytest.fixture(scope="module")
def clip(man, cut, tmp_path_factory):
    """A few seconds of the man; of one it cannot be told what is calm."""
    return cut(man, tmp_path_factory.mktemp("clip") / "man.mp4", 0, FRAMES)


@pytest.fixture(scope="module")
def profile(clip):
    """His face profile there."""
    return measure_profile(clip)[0]


def parted(profile):
    """The profile of somebody whose calm face was measured with parted lips, and otherwise elsewhere."""
    shape = profile.shape.copy()
    shape[[13, 82, 312, 81, 311], 1] += 0.4
    return replace(profile, shape=shape, max_eye_opening=0.5, neutral_blendshapes=profile.neutral_blendshapes + 0.2)


def kept_files():
    return sorted((cache_root() / "profiles").glob("*.json"))


def test_the_calm_face_is_that_of_the_clip(clip, profile):
    other = parted(profile)
    measured = measure_target(clip, other)
    assert lip_gap(other.shape) > 0.3 > 0.1 > abs(lip_gap(measured.shape))
    np.testing.assert_allclose(measured.shape, profile.shape, atol=1e-5)
    np.testing.assert_allclose(measured.neutral_blendshapes, profile.neutral_blendshapes, atol=1e-6)
    assert measured.max_eye_opening == pytest.approx(profile.max_eye_opening)
    np.testing.assert_array_equal(measured.embedding, other.embedding)


def test_it_is_measured_once(clip, profile, monkeypatch):
    first = measure_target(clip, profile)
    assert len(kept_files()) == 1

    def fail(*_):
        raise AssertionError("measured again")

    with monkeypatch.context() as patch:
        patch.setattr("effigie.swap.target_profile.ClipSample", fail)
        np.testing.assert_array_equal(measure_target(clip, profile).shape, first.shape)
    (kept,) = kept_files()
    kept.write_text(kept.read_text().replace("A", "B", 1)[:-200] + "}")
    np.testing.assert_array_equal(measure_target(clip, profile).shape, first.shape)


def test_of_a_swap_at_once_it_is_known_from_building_it(clip):
    found, _ = measure_profile(clip)
    assert len(kept_files()) == 1
    known = measure_target(clip, found)
    assert len(kept_files()) == 1
    np.testing.assert_allclose(known.shape, found.shape, atol=1e-6)


def test_few_frames_somebody_else_or_no_clip_at_all_leave_the_model_its_own(clip, man, woman, profile, cut, tmp_path):
    other = parted(profile)
    assert measure_target(cut(man, tmp_path / "few.mp4", 0, 30), other) is other
    stranger = replace(other, embedding=measure_profile(woman)[0].embedding)
    assert measure_target(clip, stranger) is stranger
    (tmp_path / "broken.mp4").write_bytes(clip.read_bytes()[:2000])
    assert measure_target(tmp_path / "broken.mp4", other) is other


def test_a_person_may_be_chosen_by_number(clip, woman, profile):
    stranger = replace(parted(profile), embedding=measure_profile(woman)[0].embedding)
    np.testing.assert_allclose(measure_target(clip, stranger, 0).shape, profile.shape, atol=1e-5)
    assert measure_target(clip, stranger, 1) is stranger


def test_numbered_pictures_are_known_by_each_of_them(clip, profile, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    with VideoReader(clip, stop=24) as reader:
        for frame in reader:
            cv2.imwrite(str(folder / f"{frame.index:04d}.png"), frame.image[..., ::-1])
    other = parted(profile)
    assert abs(lip_gap(measure_target(folder, other).shape)) < 0.1
    before, files = digest_files(sorted(folder.iterdir())), len(kept_files())
    (folder / "0003.png").write_bytes((folder / "0004.png").read_bytes())
    assert digest_files(sorted(folder.iterdir())) != before
    measure_target(folder, other)
    assert len(kept_files()) == files + 1


def test_conversion_and_preview_use_it(quick_model, clip, profile):
    cast = Cast([PersonAssignment(quick_model)], clip, ConvertSettings(device="cpu"))
    (model,) = cast.models
    np.testing.assert_allclose(model.target.shape, profile.shape, atol=0.02)
    with Preview(quick_model, clip, ConvertSettings(device="cpu")) as preview:
        np.testing.assert_array_equal(preview.models[0].target.shape, model.target.shape)
