"""Tests of whose glasses are worn: the source's in all frames or in none, the footage's whole or painted over."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from benchmarks.fixtures.appearance_changes import draw_wire_glasses

import effigie
from effigie.compositing.canvas import Canvas
from effigie.consent.record import new_consent
from effigie.errors import UsageError
from effigie.faces.analyzer import analyze
from effigie.faces.crop import apply_affine, crop
from effigie.faceset import FaceSet
from effigie.media import VideoReader
from effigie.occlusion.eyewear import WORN, find_eyewear
from effigie.occlusion.predictor import VisibilityPredictor
from effigie.prior.frame_bank import FaceGeometry, FrameBank, FrameFeatures
from effigie.swap import ConvertSettings
from effigie.swap.inference.source.eyewear import UNLIKE_CM, SourceEyewear, choose_eyewear
from effigie.swap.inference.target_eyewear import TargetEyewear, paint_over, wears_glasses

FRAMES = 12
FAINT = 0.22  # of drawn rims: hardly seen


@pytest.fixture(scope="module")
def predictor():
    return VisibilityPredictor()


@pytest.fixture(scope="module")
def faces(man_faces):
    """Some crops of the man, bare and with glasses, and their geometries."""
    loaded = FaceSet.open(man_faces).load(("landmarks", "matrix"))
    rows = np.linspace(0, len(loaded) - 1, FRAMES).astype(int)
    geometries = [FaceGeometry.from_frame_landmarks(loaded["landmarks"][row], loaded["matrix"][row]) for row in rows]
    bare = [loaded.crop(int(row)) for row in rows]
    worn = [draw_wire_glasses(shown, geometry.landmarks)[0] for shown, geometry in zip(bare, geometries, strict=True)]
    return bare, worn, geometries


def bank_of(pictures, geometries):
    features = FrameFeatures(*(np.zeros((len(pictures), 2)),) * 3)
    return FrameBank(pictures.__getitem__, geometries, features, np.zeros(len(pictures)))


def count_worn(bank, predictor):
    shown = [find_eyewear(bank.read(index), one.landmarks, predictor) for index, one in enumerate(bank.geometries)]
    return sum(found.is_worn for found in shown)


def is_bare():
    return True


def is_worn():
    return False


@pytest.mark.parametrize("mode", ["auto", "target", "source", "none"])
def test_a_bare_source_is_left_alone(mode, faces, predictor):
    bank = bank_of(faces[0], faces[2])
    decided = "target" if mode == "auto" else mode
    assert choose_eyewear(bank, mode, predictor, is_bare) == SourceEyewear(bank, [], decided)


def test_glasses_are_taken_out_of_all_frames_or_kept_in_all(faces, predictor):
    bank = bank_of(faces[1], faces[2])
    assert count_worn(bank, predictor) == FRAMES
    assert choose_eyewear(bank, "source", predictor, is_bare) == SourceEyewear(bank, [], "source", is_shown=True)
    for mode in ("target", "none"):
        cleaned = choose_eyewear(bank, mode, predictor, is_bare)
        assert cleaned.mode == mode and not cleaned.is_shown
        (note,) = cleaned.notes
        assert "left out" in note and "--eyewear source" in note
        assert count_worn(cleaned.bank, predictor) <= 1
        assert not cleaned.bank.penalty.any()


def test_glasses_that_are_never_off_stay_before_a_bare_face(faces, predictor):
    """Unless asked otherwise: one of twelve in which they were missed changes nothing, a third of bare frames does."""
    bare, worn, geometries = faces
    always = choose_eyewear(bank_of([*worn[:11], bare[11]], geometries), "auto", predictor, is_bare)
    assert (always.mode, always.is_shown) == ("source", True)
    assert always.bank.penalty.tolist() == [0] * 11 + [UNLIKE_CM]
    (note,) = always.notes
    assert "never seen without glasses" in note and "--eyewear target" in note
    for pictures, asks in ((worn, is_worn), ([*worn[:8], *bare[8:]], is_bare)):
        left_out = choose_eyewear(bank_of(pictures, geometries), "auto", predictor, asks)
        assert left_out.mode == "target" and not left_out.is_shown and "left out" in left_out.notes[0]


def test_glasses_in_the_footage_are_noticed(man, cut, predictor, tmp_path):
    bare = cut(man, tmp_path / "bare.mp4", 0, 4)
    assert not wears_glasses(bare, predictor)
    with VideoReader(bare) as reader:
        item = next(iter(analyze(reader)))
    photo = tmp_path / "worn.png"
    cv2.imwrite(str(photo), draw_wire_glasses(item.frame.image, item.faces[0].landmarks)[0][..., ::-1])
    assert wears_glasses(photo, predictor)


def test_frames_unlike_the_rest_are_not_taken(faces, predictor):
    """Eight frames with glasses, four without: shown, they are shown throughout; left out, bare frames come first."""
    bare, worn, geometries = faces
    bank = bank_of([*worn[:8], *bare[8:]], geometries)
    shown = choose_eyewear(bank, "source", predictor, is_bare)
    assert "in 8 of 12 frames: kept" in shown.notes[0]
    assert shown.bank.penalty.tolist() == [0] * 8 + [UNLIKE_CM] * 4
    rare = bank_of([*worn[:4], *bare[4:]], geometries)
    assert "left out" in choose_eyewear(rare, "source", predictor, is_bare).notes[0]
    chosen = choose_eyewear(bank, "target", predictor, is_bare)
    cleaned = chosen.bank
    assert chosen.find_hidden is not None and not chosen.find_hidden(9).any()
    assert (cleaned.penalty[:8] > 0).all() and not cleaned.penalty[8:].any()
    assert all(np.array_equal(cleaned.read(index), bare[index]) for index in range(8, FRAMES))
    assert count_worn(cleaned, predictor) <= 1


def test_the_footages_glasses_are_found_and_painted_over(man, predictor):
    with VideoReader(man, stop=6) as reader:
        items = list(analyze(reader))
    bare, worn = TargetEyewear(predictor, True), TargetEyewear(predictor, False)
    for item in items:
        face = item.faces[0]
        assert bare.find(item.frame.image, face, 256) is None
        image = draw_wire_glasses(item.frame.image, face.landmarks)[0]
        found = worn.find(image, face, 256)
        assert found is not None
        canvas = Canvas(image)
        changed = paint_over(canvas, face.matrix(256), found)
        painted = canvas.image
        assert np.array_equal(painted[changed == 0], image[changed == 0])
        before, after = (np.abs(one.astype(int) - item.frame.image)[changed > 128].mean() for one in (image, painted))
        assert after < 0.5 * before
        matte = np.zeros(changed.shape, np.float32)
        untouched = Canvas(image)
        changed = paint_over(untouched, face.matrix(256), found, 1.0, matte)
        assert not changed.any() and np.array_equal(untouched.image, image)
    assert worn.fresh_copy().find(items[0].frame.image, items[0].faces[0], 256) is None


def test_thin_rims_do_not_come_and_go(man, predictor):
    """Rims that most frames hardly show are kept by what the clip has shown."""
    with VideoReader(man, stop=8) as reader:
        items = list(analyze(reader))
    track, scores = TargetEyewear(predictor, True), []
    for item in items:
        face, bare = item.faces[0], item.frame.image
        share = FAINT if scores else 1.0
        image = cv2.addWeighted(draw_wire_glasses(bare, face.landmarks)[0], share, bare, 1 - share, 0)
        assert track.find(image, face, 256) is not None
        matrix = face.matrix(256)
        found = find_eyewear(crop(image, matrix, 256), apply_affine(matrix, face.landmarks), predictor)
        scores.append(found.score)
    assert max(scores[1:]) < WORN < scores[0]


def test_the_option_is_checked_and_kept():
    with pytest.raises(UsageError, match="eyewear is auto, target, source or none"):
        ConvertSettings(eyewear="both")
    assert ConvertSettings().eyewear == "auto"
    assert replace(ConvertSettings(), eyewear="none").eyewear == "none"


def test_a_photo_with_glasses_shows_them_throughout_or_nowhere(man, woman, cut, predictor, tmp_path):
    with VideoReader(man, stop=3) as reader:
        item = list(analyze(reader))[2]
    photo = tmp_path / "man.png"
    worn = draw_wire_glasses(item.frame.image, item.faces[0].landmarks)[0]
    cv2.imwrite(str(photo), worn[..., ::-1])
    record = tmp_path / "man.json"
    new_consent("the man of the samples", [photo], ("swap",), basis="sample", evidence=[photo]).save(record)
    clip = cut(woman, tmp_path / "woman.mp4", 0, 4)
    for mode, expected in (("target", 0), ("source", 4), ("auto", 4)):
        report = effigie.swap_clip(
            photo, clip, tmp_path / f"{mode}.mp4", ConvertSettings(eyewear=mode), work=tmp_path / "work", consent=record
        )
        for said, told in (("the source wears glasses", "target"), ("never seen without glasses", "auto")):
            assert any(said in note for note in report.conversion.notes) == (mode == told)
        shown = 0
        with VideoReader(report.output) as reader:
            for item in analyze(reader):
                matrix = item.faces[0].matrix(256)
                landmarks = apply_affine(matrix, item.faces[0].landmarks)
                shown += find_eyewear(crop(item.frame.image, matrix, 256), landmarks, predictor).is_worn
        assert shown == expected
