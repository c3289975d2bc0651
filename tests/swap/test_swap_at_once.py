"""Tests of the swap at once: one photo, no training; a model without weights; what cannot be swapped."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

import effigie
from effigie.consent.record import new_consent
from effigie.errors import FaceSetError, MediaError, RefusedError
from effigie.faceset import FaceSet
from effigie.media import VideoReader
from effigie.prior.frame_bank import FaceGeometry
from effigie.swap import build_swap, load_swap
from effigie.swap.target_profile import measure_profile

FRAMES = 4


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
    with pytest.raises(FaceSetError, match="shows no face: take a sharp picture"):
        effigie.swap_clip(plain, clip, tmp_path / "out.mp4", consent=record)
    picture = cv2.imread(str(photo))
    tiny = tmp_path / "tiny.png"
    cv2.imwrite(str(tiny), cv2.resize(picture, None, fx=0.14, fy=0.14, interpolation=cv2.INTER_AREA))
    with pytest.raises(FaceSetError, match=r"the face in .*tiny.png is only \d\d pixels high; 40"):
        effigie.swap_clip(tiny, clip, tmp_path / "out.mp4", consent=record)
    settings = effigie.SwapSettings(minutes=1)
    with pytest.raises(FaceSetError, match="training needs 16"):
        effigie.swap_clip(photo, clip, tmp_path / "out.mp4", training=settings, consent=record)
    with pytest.raises(MediaError, match="at most 1 face at once"):
        measure_profile(clip, person=1)
    with pytest.raises(MediaError, match="shows no face"):
        measure_profile(plain)
    assert not (tmp_path / "out.mp4").exists()


def test_without_consent_nothing_is_made(photo, clip, woman_consent, tmp_path):
    with pytest.raises(RefusedError):
        effigie.swap_clip(photo, clip, tmp_path / "out.mp4", consent=woman_consent)
    assert not list(tmp_path.glob("out.*png")) and not (tmp_path / "out.mp4").exists()


def test_of_several_people_one_is_to_be_chosen(photo, woman, clip, record, tmp_path):
    """One picture is told from left to right; of several a sheet shows whom the numbers mean."""
    his = cv2.imread(str(photo))
    with VideoReader(woman, stop=1) as reader:
        hers = next(iter(reader)).image[..., ::-1]
    both, other = tmp_path / "both.png", tmp_path / "woman.png"
    cv2.imwrite(str(both), np.hstack([his, hers]))
    cv2.imwrite(str(other), hers)
    with pytest.raises(FaceSetError, match=r"shows 2 people.*--source-person.*from left to right they are") as told:
        effigie.swap_clip(both, clip, tmp_path / "out.mp4", consent=record)
    number = int(str(told.value).split(" they are ")[1].split(",")[0])
    report = effigie.swap_clip(
        both, clip, tmp_path / "out.mp4", training=effigie.SwapSettings(source_person=number), consent=record
    )
    assert report.conversion.swapped == FRAMES
    with pytest.raises(FaceSetError, match=r"people.png shows them by number"):
        effigie.swap_clip([photo, other], clip, tmp_path / "two.mp4", work=tmp_path / "work", consent=record)
    assert cv2.imread(str(tmp_path / "work" / "people.png")) is not None
    with pytest.raises(FaceSetError, match="no person number 5"):
        effigie.swap_clip(
            both, clip, tmp_path / "no.mp4", training=effigie.SwapSettings(source_person=5), consent=record
        )


def test_what_the_photo_does_not_show_is_told(swapped, photo, clip, record, tmp_path):
    told = json.loads(swapped[0].out)["source_notes"]
    assert any("the source never " in note and "made up" in note for note in told)
    assert not any("soft" in note for note in told)
    small = tmp_path / "small.png"
    picture = cv2.imread(str(photo))
    cv2.imwrite(str(small), cv2.resize(picture, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA))
    report = effigie.swap_clip(small, clip, tmp_path / "out.mp4", consent=record)
    assert any("pixels high" in note and "soft" in note for note in report.notes)


def test_a_source_seen_from_the_side_is_refused_in_a_line(man_faces, clip, record, tmp_path):
    """His landmarks turned by 50 degrees: nothing of the clip is within reach, unless that is asked for."""
    whole = FaceSet.open(man_faces)
    turned = FaceSet.create(tmp_path / "turned.faces", whole.settings)
    (source,) = whole.sources.values()
    angle = np.radians(50)
    spin = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    with turned.writer(source) as writer:
        for record_ in list(whole.records())[:20]:
            middle = record_.landmarks.mean(0)
            landmarks = ((record_.landmarks - middle) @ spin.T + middle).astype(np.float32)
            yaw = float(FaceGeometry.from_landmarks(landmarks).pose.angles[0])
            writer.write([replace(record_, landmarks=landmarks, pose=np.array([yaw, 0, 0], np.float32))])
    with pytest.raises(MediaError, match=r"from the side only, turned by .* degrees: bring a picture .*--turned make"):
        effigie.swap_clip(turned.path, clip, tmp_path / "out.mp4", consent=record)
    made = effigie.swap_clip(
        turned.path, clip, tmp_path / "out.mp4", effigie.ConvertSettings(extreme_pose="make"), consent=record
    )
    assert made.preview is not None and any("from the side only" in note for note in made.notes)
