"""Tests of several people in a clip: the right ones are swapped, each by their own model, and nobody else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from effigie.consent import new_consent
from effigie.errors import UsageError
from effigie.faces.analyzer import analyze
from effigie.faces.person_matcher import PersonMatcher, TargetPerson
from effigie.faces.recognizer import IdentityModel
from effigie.media import EncodeSettings, VideoReader, VideoWriter
from effigie.provenance import TrustSettings
from effigie.provenance.ledger.ledger import Ledger
from effigie.swap import ConvertSettings, PersonAssignment, SwapSettings, convert, load_swap, train
from effigie.swap.inference.people.assignment import parse_assignments
from effigie.swap.presets import PRESETS

PNG = EncodeSettings(codec="png")
PLAIN = TrustSettings(watermark=False)  # the mark lies lightly on everything


def frames_of(path, stop=None):
    with VideoReader(path, stop=stop) as reader:
        return [(frame.time, frame.image) for frame in reader]


def pictures(folder):
    return [cv2.imread(str(path))[..., ::-1] for path in sorted(folder.iterdir())]


def first_of(clip):
    with VideoReader(clip, stop=2) as reader:
        return next(analyze(list(reader)))


@pytest.fixture(scope="module")
def other_model(few_faces, man, tmp_path_factory):
    """The man for the woman, hardly trained: the other way round than ``quick_model``."""
    folder = tmp_path_factory.mktemp("other")
    record = folder / "man.json"
    new_consent("the man of the samples", [man], ("swap",), basis="sample", evidence=[man]).save(record)
    woman_faces, man_faces = few_faces
    settings = SwapSettings(steps=2, batch=2, bank=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], width=8, depth=1))
        train(man_faces, woman_faces, folder / "other", settings, consent=record)
    return folder / "other"


@pytest.fixture(scope="module")
def two_people(man, woman, tmp_path_factory):
    """The man on the left, the woman, whose face is larger, on the right: 8 frames of 1280x360."""
    folder = tmp_path_factory.mktemp("two")
    with (
        VideoReader(man, stop=8) as left,
        VideoReader(woman, stop=8) as right,
        VideoWriter(folder / "two.mp4", left.info, EncodeSettings(crf=8, preset="ultrafast")) as writer,
    ):
        for a, b in zip(left, right, strict=True):
            writer.write(np.hstack([a.image, b.image]), a.time, a.duration)
    return folder / "two.mp4"


@pytest.mark.parametrize(("person", "half"), [(None, 0), (1, 0), (0, 1)])
def test_a_bystander_is_never_touched(quick_model, two_people, tmp_path, person, half):
    """Unasked the man is swapped, whom the model knows; by number whoever is asked for; nobody else."""
    plain = TrustSettings(watermark=False)  # the mark lies lightly on everything
    settings = ConvertSettings(person=person, encode=PNG, trust=plain, masks=tmp_path / "masks", max_frames=4)
    report = convert(quick_model, two_people, tmp_path / "out", settings)
    assert report.swapped == report.frames == 4
    for (_, before), after, mask in zip(
        frames_of(two_people, 4), pictures(tmp_path / "out"), pictures(tmp_path / "masks"), strict=True
    ):
        touched = (mask[..., 0] > 0).any(axis=0)
        mine, other = slice(640 * half, 640 * half + 640), slice(640 * (1 - half), 640 * (1 - half) + 640)
        assert touched[mine].any()
        assert not touched[other].any()
        # With PNG there is no encoder: every pixel outside the mask is the input's, to the bit.
        assert np.array_equal(after[mask[..., 0] == 0], before[mask[..., 0] == 0])
        assert (after != before).any()


def test_picker_waits_for_the_one_asked_for(two_people):
    """--person 1 in a picture with one face: nobody, until a second comes in."""
    first = first_of(two_people)
    picker = PersonMatcher([TargetPerson(np.zeros(128, np.float32), person=1)])
    assert picker(first.frame.image, first.faces[:1]) == [[]]
    assert picker(first.frame.image, first.faces) == [[first.faces[1]]]
    assert picker(first.frame.image, first.faces[:1]) == [[]]  # the other one alone is not it


@pytest.fixture(scope="module")
def exchanged(quick_model, other_model, two_people, tmp_path_factory):
    """Both swapped at once: the woman's face on the left, the man's on the right."""
    folder = tmp_path_factory.mktemp("exchanged")
    settings = ConvertSettings(encode=PNG, trust=PLAIN, masks=folder / "masks", max_frames=4)
    return folder, convert([quick_model, other_model], two_people, folder / "out", settings)


def test_two_models_swap_two_people_at_once(exchanged, quick_model, other_model, two_people):
    folder, report = exchanged
    assert (report.frames, report.swapped) == (4, 4)
    assert report.swapped_by_model == {str(quick_model): 4, str(other_model): 4}
    before = frames_of(two_people, 4)
    for (_, frame), after, mask in zip(before, pictures(folder / "out"), pictures(folder / "masks"), strict=True):
        covered = mask[..., 0] > 0
        assert covered[:, :640].any() and covered[:, 640:].any()
        assert np.array_equal(after[~covered], frame[~covered])


def test_nobody_gets_the_others_face(exchanged, quick_model, other_model):
    """The left person (the man) shows the woman's face, the right one the man's, in every frame."""
    folder, _ = exchanged
    identity = IdentityModel()
    woman, man = load_swap(quick_model).source.embedding, load_swap(other_model).source.embedding
    for picture in pictures(folder / "out"):
        (item,) = analyze([type("Frame", (), {"image": np.ascontiguousarray(picture)})()])
        assert len(item.faces) == 2
        for face in item.faces:
            shown = identity.embed(item.frame.image, face.landmarks)
            left = face.landmarks[:, 0].mean() < 640
            wanted, original = (woman, man) if left else (man, woman)
            assert shown @ wanted > shown @ original


def test_both_consents_and_models_are_on_record(quick_model, other_model, two_people, tmp_path, here):
    ended = here(*("convert", quick_model, two_people, "-o", "out.mp4", "--map", other_model, "--frames", 2, "--json"))
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    assert report["each"] == {str(quick_model): 2, str(other_model): 2}
    entry = Ledger().find_by_id(report["output_id"])
    assert len(entry.consents) == 2
    assert entry.model_hash.split(",") == [load_swap(one).manifest_sha256 for one in (quick_model, other_model)]


def test_people_by_number(quick_model, other_model, two_people, tmp_path):
    """The largest face is the woman's, on the right: numbers go before identity."""
    settings = ConvertSettings(encode=PNG, trust=PLAIN, masks=tmp_path / "masks", max_frames=2)
    report = convert([PersonAssignment(other_model, 1)], two_people, tmp_path / "out", settings)
    assert report.swapped_by_model == {str(other_model): 2}
    (mask, _) = pictures(tmp_path / "masks")
    assert (mask[:, :640] > 0).any()
    assert not (mask[:, 640:] > 0).any()


def test_who_is_not_there_is_told(quick_model, other_model, man, tmp_path):
    report = convert([quick_model, other_model], man, tmp_path / "out.mp4", ConvertSettings(max_frames=3))
    assert report.swapped_by_model == {str(quick_model): 3, str(other_model): 0}
    assert any(f"{other_model}: nobody in" in note for note in report.notes)


def test_a_face_is_for_one_of_two_who_want_it(two_people):
    first = first_of(two_people)
    identity = IdentityModel()
    woman, man = (identity.embed(first.frame.image, face.landmarks) for face in first.faces)
    picker = PersonMatcher([TargetPerson(man), TargetPerson(woman), TargetPerson(man)])
    picked = picker(first.frame.image, first.faces)
    assert picked[1] == [first.faces[0]]
    assert sorted(len(faces) for faces in (picked[0], picked[2])) == [0, 1]
    assert first.faces[1] in (picked[0] or picked[2])
    assert picker(first.frame.image, []) == [[], [], []]


@pytest.fixture(scope="module")
def mirror(man, tmp_path_factory):
    """The man beside his mirror image: 8 frames of 1280x360."""
    path = tmp_path_factory.mktemp("mirror") / "mirror.mp4"
    with (
        VideoReader(man, stop=8) as reader,
        VideoWriter(path, reader.info, EncodeSettings(crf=8, preset="ultrafast")) as writer,
    ):
        for frame in reader:
            writer.write(np.hstack([frame.image, frame.image[:, ::-1]]), frame.time, frame.duration)
    return path


def test_a_person_in_a_mirror_is_swapped_twice(quick_model, mirror, tmp_path):
    """And the mirror image gets what the face itself gets, mirrored."""
    settings = ConvertSettings(encode=PNG, trust=PLAIN, masks=tmp_path / "masks", max_frames=4)
    report = convert(quick_model, mirror, tmp_path / "out", settings)
    assert (report.frames, report.swapped, report.swapped_by_model) == (4, 4, {str(quick_model): 4})
    assert any("more than once" in note and "4 frames" in note for note in report.notes)
    for picture, mask in zip(pictures(tmp_path / "out"), pictures(tmp_path / "masks"), strict=True):
        left, right = mask[:, :640, 0] > 0, mask[:, 640:, 0][:, ::-1] > 0
        assert left.sum() > 2000 and (left & right).sum() > 0.9 * (left | right).sum()
        away = np.abs(picture[:, :640].astype(int) - picture[:, 640:][:, ::-1].astype(int))[left & right]
        assert away.mean() < 8


def test_of_a_face_chosen_by_number_none_is_swapped_twice(quick_model, mirror, tmp_path):
    settings = ConvertSettings(person=0, encode=PNG, trust=PLAIN, masks=tmp_path / "masks", max_frames=2)
    report = convert(quick_model, mirror, tmp_path / "out", settings)
    assert any("was left" in note and "number" in note for note in report.notes)
    (mask, _) = pictures(tmp_path / "masks")
    assert (mask[:, :640] > 0).any() != (mask[:, 640:] > 0).any()


def test_a_lookalike_is_left_and_told(two_people):
    """Somebody a little like the target, beside the target."""
    first = first_of(two_people)
    identity = IdentityModel()
    woman, man = (identity.embed(first.frame.image, face.landmarks) for face in first.faces)
    for share, faces in ((0.35, 1), (1.0, 2)):  # how much of her the target is; 1.0: as much as of him
        target = man + share * woman
        picker = PersonMatcher([TargetPerson(target / np.linalg.norm(target))])
        (picked,) = picker(first.frame.image, first.faces)
        assert len(picked) == faces, (share, [float(one @ picker._targets[0]) for one in (woman, man)])
        assert picker.repeats[0].rejections == 2 - faces
        assert (picker.repeats[0].rejected_similarity > 0.36) == (faces == 1)


def test_bad_casts(quick_model, other_model, two_people, tmp_path, here):
    with pytest.raises(UsageError, match="named twice"):
        parse_assignments([quick_model, quick_model])
    with pytest.raises(UsageError, match="each face can have one"):
        parse_assignments([PersonAssignment(quick_model, 1), PersonAssignment(other_model, 1)])
    with pytest.raises(UsageError, match="name a model"):
        parse_assignments([])
    with pytest.raises(UsageError, match="0 or more"):
        PersonAssignment(quick_model, -1)
    with pytest.raises(UsageError, match="person is for one model"):
        convert([quick_model, other_model], two_people, tmp_path / "out.mp4", ConvertSettings(person=0))
    ended = here("convert", quick_model, two_people, "-o", "out.mp4", "--map", f"1={tmp_path / 'nothing'}")
    assert ended.code == 1
    assert "is not a model" in ended.line()
    assert not (tmp_path / "out.mp4").exists()


def test_two_models_of_one_person_ask_for_numbers(quick_model, two_people, tmp_path):
    twin = shutil.copytree(quick_model, tmp_path / "twin")
    with pytest.raises(UsageError, match="trained on the same person"):
        convert([quick_model, twin], two_people, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
