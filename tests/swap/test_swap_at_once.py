"""Tests of the swap at once: one photo, no training; a model without weights; what cannot be swapped."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

import effigie
from effigie.consent.record import new_consent
from effigie.errors import FaceSetError, MediaError, RefusedError
from effigie.faceset import FaceSet
from effigie.media import VideoReader
from effigie.swap import build_swap, load_swap
from effigie.swap.geometry_model import measure_profile

FRAMES = 6


@pytest.fixture(scope="module")
def photo(man, tmp_path_factory):
    """One picture of the man."""
    path = tmp_path_factory.mktemp("photo") / "man.png"
    with VideoReader(man, stop=1) as reader:
        cv2.imwrite(str(path), next(iter(reader)).image[..., ::-1])
    return path


@pytest.fixture(scope="module")
def record(photo, tmp_path_factory):
    """His consent, with evidence."""
    path = tmp_path_factory.mktemp("record") / "man.json"
    new_consent("the man of the samples", [photo], ("swap",), basis="sample", evidence=[photo]).save(path)
    return path


@pytest.fixture(scope="module")
def clip(woman, cut, tmp_path_factory):
    """The woman, some frames."""
    return cut(woman, tmp_path_factory.mktemp("clip") / "woman.mp4", 0, FRAMES)


@pytest.fixture(scope="module")
def swapped(photo, clip, record, run_once, tmp_path_factory):
    """How `effigie swap` ended, and its folder."""
    folder = tmp_path_factory.mktemp("swapped")
    return run_once("swap", photo, clip, "-o", "out.mp4", "--consent", record, "--json", cwd=folder), folder


def frames(path):
    with VideoReader(path) as reader:
        return [frame.image for frame in reader]


def test_one_photo_makes_a_clip_a_preview_and_a_sheet(swapped, clip):
    ended, folder = swapped
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert (told["frames"], told["swapped"]) == (FRAMES, FRAMES)
    assert effigie.verify(folder / "out.mp4").credentials.output_id == told["output_id"]
    for before, after in zip(frames(clip), frames(folder / "out.mp4"), strict=True):
        changed = np.abs(before.astype(int) - after).max(2) > 30
        assert 0.01 < changed.mean() < 0.5  # the face, and not the frame
    assert effigie.verify(folder / "out.preview.png").credentials.output_id not in (None, told["output_id"])
    assert cv2.imread(str(folder / "out.sheet.png")) is not None
    assert sorted(path.name for path in folder.iterdir() if not path.name.endswith(".txt")) == [
        *("out.mp4", "out.preview.png", "out.sheet.png", "out.swap")
    ]


def test_the_made_face_is_his(swapped, photo, clip):
    from effigie.faces.recognizer import IdentityModel
    from effigie.faces.tracker import Tracker

    identity = IdentityModel()

    def embed(image):
        return identity.embed(image, Tracker()(image)[0].landmark_result.landmarks)

    his = embed(frames(photo)[0])
    made, hers = (embed(frames(path)[FRAMES // 2]) for path in (swapped[1] / "out.mp4", clip))
    assert made @ his > 0.45 > 0.4 > made @ hers


def test_what_was_built_is_used_again_and_converts(swapped, photo, clip, record, tmp_path):
    _, folder = swapped
    (model,) = (folder / "out.swap").glob("model-*")
    assert load_swap(model).network is None
    made = {path: path.stat().st_mtime_ns for path in (folder / "out.swap").glob("source-*.faces/*")}
    report = effigie.swap_clip(photo, clip, tmp_path / "again.mp4", work=folder / "out.swap", consent=record)
    assert report.model == model and report.training is None
    assert {path: path.stat().st_mtime_ns for path in made} == made
    again = effigie.convert(model, clip, tmp_path / "converted.mp4", consent=record)
    assert again.swapped == FRAMES


def test_a_face_set_is_a_source_too(man_faces, record, clip, tmp_path):
    build_swap(man_faces, clip, tmp_path / "model", consent=record)
    assert len(FaceSet.open(tmp_path / "model" / "bank")) > 16


def test_a_photo_without_a_face_and_training_on_one_photo(photo, clip, record, tmp_path):
    plain = tmp_path / "plain.png"
    cv2.imwrite(str(plain), np.full((200, 200, 3), 127, np.uint8))
    with pytest.raises(FaceSetError, match="shows no face"):
        effigie.swap_clip(plain, clip, tmp_path / "out.mp4", consent=record)
    settings = effigie.SwapSettings(minutes=1)
    with pytest.raises(FaceSetError, match="training needs 16"):
        effigie.swap_clip(photo, clip, tmp_path / "out.mp4", training=settings, consent=record)
    with pytest.raises(MediaError, match="at most 1 faces at once"):
        measure_profile(clip, person=1)
    with pytest.raises(MediaError, match="shows no face"):
        measure_profile(plain)
    assert not (tmp_path / "out.mp4").exists()


def test_without_consent_nothing_is_made(photo, clip, woman_consent, tmp_path):
    with pytest.raises(RefusedError):
        effigie.swap_clip(photo, clip, tmp_path / "out.mp4", consent=woman_consent)
    assert not list(tmp_path.glob("out.*png")) and not (tmp_path / "out.mp4").exists()
