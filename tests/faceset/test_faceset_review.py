"""Tests of the review: it finds every fault that was put into a good face set, and hardly anything else."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

import effigie
from effigie.errors import CancelledError, FaceSetError
from effigie.faceset import BLENDSHAPES, FaceSet
from effigie.faceset.review import describe_unseen, find_gaps, find_unseen
from effigie.faceset.review.coverage import CoverageGap
from effigie.progress import CancelToken

BLURRED, DARK, COVERED, REPEATED, UNSURE, STRANGERS = (
    range(10, 15),
    range(20, 24),
    range(30, 34),
    range(41, 44),
    [55],
    range(6),
)


def changed(record, change):
    image = cv2.imdecode(np.frombuffer(record.crop, np.uint8), cv2.IMREAD_COLOR)
    return replace(record, crop=cv2.imencode(".jpg", change(image), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())


def with_a_hand(image):
    image = image.copy()
    side = image.shape[0]
    cv2.ellipse(image, (int(0.4 * side), int(0.62 * side)), (side // 7, side // 5), 20, 0, 360, (60, 90, 40), -1)
    return image


@pytest.fixture(scope="module")
def spoilt(man_faces, woman_faces, tmp_path_factory):
    """The man's faces, some of them degraded, and a few of the woman among them."""
    whole = FaceSet.open(man_faces)
    spoilt = FaceSet.create(tmp_path_factory.mktemp("spoilt") / "spoilt.faces", whole.settings)
    (source,) = whole.sources.values()
    records = list(whole.records())
    for index, record in enumerate(records):
        if index in BLURRED:
            record = changed(record, lambda image: cv2.GaussianBlur(image, (0, 0), 4))
            record = replace(record, sharpness=record.sharpness * 0.05)
        elif index in DARK:
            record = changed(record, lambda image: (image * 0.06).astype(np.uint8))
        elif index in COVERED:
            record = changed(record, with_a_hand)
        elif index in REPEATED:
            again = records[REPEATED[0] - 1]
            record = replace(record, crop=again.crop, landmarks=again.landmarks)
        elif index in UNSURE:
            record = replace(record, confidence=0.3)
        records[index] = record
    with spoilt.writer(source) as writer:
        writer.write(records)
    (stranger,) = FaceSet.open(woman_faces).sources.values()
    with spoilt.writer(stranger) as writer:
        writer.write([record for index, record in enumerate(FaceSet.open(woman_faces).records()) if index in STRANGERS])
    return spoilt.path


def found(review, kind):
    """Frames of the finding of this kind."""
    return {int(name.split(":")[1]) for one in review.findings if one.kind == kind for name in one.names}


def frames(faceset, indices):
    records = [record.frame for record in FaceSet.open(faceset).records()]
    return {records[index] for index in indices}


def test_every_fault_is_found_and_little_else(spoilt, man_faces, tmp_path):
    review = effigie.review(spoilt, output=tmp_path / "review.png")
    strangers = next(one for one in review.findings if one.kind == "another person")
    assert len(strangers.names) == len(STRANGERS)
    assert found(review, "unsure") == frames(man_faces, UNSURE)
    assert found(review, "blurred") == frames(man_faces, BLURRED)
    assert found(review, "badly lit") == frames(man_faces, DARK)
    assert found(review, "covered") >= frames(man_faces, COVERED)
    assert len(found(review, "covered") - frames(man_faces, [*COVERED, *DARK])) <= 3
    assert found(review, "repeated") >= frames(man_faces, REPEATED)
    assert review.affected is None and review.gaps == []
    picture = cv2.imread(str(tmp_path / "review.png"))
    assert picture.shape[0] > 6 * 112


def test_a_good_set_is_left_nearly_alone(man_faces):
    review = effigie.review(man_faces)
    harmful = {name for one in review.findings if one.kind != "repeated" for name in one.names}
    assert len(harmful) <= 0.05 * review.faces


def test_what_is_proposed_can_be_dropped(spoilt, tmp_path, here):
    import shutil

    shutil.copytree(spoilt, tmp_path / "copy.faces")
    ended = here("faces", "review", "copy.faces", "-o", "sheet.png")
    assert ended.code == 0 and "--drop" in ended.out
    assert len(FaceSet.open(tmp_path / "copy.faces")) == len(FaceSet.open(spoilt))
    ended = here("faces", "review", "copy.faces", "--drop", "--json")
    report = json.loads(ended.out)
    assert report["dropped"] == report["proposed"] > 15
    left = effigie.review(tmp_path / "copy.faces")
    assert left.faces == report["faces"] - report["dropped"]
    assert not found(left, "another person") | found(left, "unsure") | found(left, "blurred")


def test_how_the_whole_footage_is_is_not_dropped(man_faces, tmp_path):
    """Where every face is dark, dropping the dark ones would leave nothing."""
    whole = FaceSet.open(man_faces)
    dark = FaceSet.create(tmp_path / "dark.faces", whole.settings)
    (source,) = whole.sources.values()
    with dark.writer(source) as writer:
        writer.write(changed(record, lambda image: (image * 0.06).astype(np.uint8)) for record in whole.records())
    review = effigie.review(dark)
    lit = next(one for one in review.findings if one.kind == "badly lit")
    assert len(lit.names) == review.faces and not lit.drop
    assert len(review.proposed_drops) < review.faces / 2  # for other reasons


def test_what_a_person_is_never_seen_to_do_is_told(man_faces, tmp_path, here):
    """Of everyday talk, from what was measured: a set of one expression shows little."""
    whole = FaceSet.open(man_faces)
    one = FaceSet.create(tmp_path / "one.faces", whole.settings)
    (source,) = whole.sources.values()
    record = next(iter(whole.records()))
    smile = record.blendshapes.copy()
    smile[[BLENDSHAPES.index(name) for name in ("mouthSmileLeft", "mouthSmileRight")]] = 0.8
    shown = [replace(record, frame=n, blendshapes=smile, pose=np.array([n - 5, 0, 0], np.float32)) for n in range(20)]
    with one.writer(source) as writer:
        writer.write(shown)
    unseen = {aspect.action: aspect for aspect in find_unseen(one)}
    assert {"turns to the picture's left", "opens the mouth", "closes the eyes", "relaxes a smile"} <= set(unseen)
    assert not {"smiles", "turns to the picture's right"} & set(unseen)
    assert str(unseen["turns to the picture's left"]) == "turns to the picture's left beyond 5 degrees"
    assert [aspect.action for aspect in effigie.review(one).unseen] == list(unseen)
    assert "this person never turns to" in here("faces", "review", one.path).out
    assert (
        describe_unseen([]) == "" and describe_unseen([unseen["opens the mouth"]]) == "the source never opens the mouth"
    )
    assert describe_unseen(list(unseen.values()), "she").startswith("she never ") and " or " in describe_unseen(
        list(unseen.values())
    )


def test_what_the_source_never_does_is_told(man_faces, tmp_path):
    """A target who turns 40 degrees farther and purses the lips in a tenth of the frames."""
    whole = FaceSet.open(man_faces)
    target = FaceSet.create(tmp_path / "target.faces", whole.settings)
    (source,) = whole.sources.values()
    records = list(whole.records())
    for index in range(0, len(records), 10):
        shown = records[index].blendshapes.copy()
        shown[BLENDSHAPES.index("mouthPucker")] = 1.0
        turned = records[index].pose + np.array([40, 0, 0], np.float32)
        records[index] = replace(records[index], pose=turned, blendshapes=shown)
    with target.writer(source) as writer:
        writer.write(records)
    told, affected = find_gaps(man_faces, target)
    assert {lack.action for lack in told} == {"turns to the picture's right", "purses the lips"}
    assert affected == pytest.approx(0.1, abs=0.02)
    assert all(isinstance(lack, CoverageGap) and "of the target's frames will suffer" in str(lack) for lack in told)
    assert find_gaps(man_faces, man_faces) == ([], 0.0)
    review = effigie.review(man_faces, target)
    assert review.gaps == told


def test_bad_requests(man_faces, tmp_path, here):
    with pytest.raises(FaceSetError):
        effigie.review(tmp_path / "nothing")
    with pytest.raises(FaceSetError):
        find_gaps(man_faces, man_faces, (0, 5))
    cancel = CancelToken()
    cancel.set()
    with pytest.raises(CancelledError):
        effigie.review(man_faces, cancel=cancel)
    assert here("faces", "review", man_faces, "-o", "sheet.jpg").code == 1
