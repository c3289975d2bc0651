"""Tests of the swap protocol on a real clip: against itself, blurred, misplaced, truncated."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from effigie.edit import Edit
from effigie.errors import FaceSetError, UsageError
from effigie.evaluate import EvaluateSettings, SwappedPerson, SwapScores, evaluate_people, evaluate_swap
from effigie.evaluate.metrics.regions import MaskFolder, face_interior
from effigie.media import EncodeSettings, VideoReader, VideoWriter, read_still

FRAMES = 10
FEW = EvaluateSettings(references=6, frechet_faces=0)


@pytest.fixture(scope="module")
def clip(man: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The man, opening his mouth into a smile, with sound."""
    path = tmp_path_factory.mktemp("clip") / "man.mp4"
    with VideoReader(man, 12, 12 + FRAMES) as reader:
        frames = list(reader)
        end = frames[-1].time + (frames[-1].duration or 0)
        with VideoWriter(path, reader.info, EncodeSettings(crf=8), span=(frames[0].time, end)) as writer:
            for frame in frames:
                writer.write(frame.image, frame.time, frame.duration)
    return path


def changed(clip: Path, path: Path, change: Callable[[np.ndarray, int], np.ndarray], stop: int = FRAMES) -> Path:
    """The clip with its pictures changed as convert changes them: what stays is the footage's own samples."""
    with VideoReader(clip, native=True) as reader, VideoWriter(path, reader.info) as writer:
        for frame in reader:
            if frame.index < stop:
                assert frame.native is not None
                before = frame.native.read(slice(0, reader.info.height), slice(0, reader.info.width))
                made = change(frame.image.copy(), frame.index).astype(np.float32)
                new = (made != frame.image).any(2)
                after = np.where(new[..., None], made / np.float32(255), before)
                frame.native.apply([Edit(0, 0, before, after, new.astype(np.float32))])
                writer.write(frame.native, frame.time, frame.duration)
    return path


def box_masks(folder: Path, box: tuple[slice, slice], frames: int = FRAMES) -> Path:
    folder.mkdir()
    for index in range(frames):
        mask = np.zeros((360, 640), np.uint8)
        mask[box] = 255
        cv2.imwrite(str(folder / f"{index:06d}.png"), mask)
    return folder


@pytest.fixture(scope="module")
def same(clip: Path, man_faces: Path, woman_faces: Path) -> SwapScores:
    """The clip against itself; the man is the source and the woman the target."""
    return evaluate_swap(clip, clip, man_faces, man_faces, settings=FEW)


def test_the_untouched_man_is_found_among_others(clip: Path, man_faces: Path, woman_faces: Path) -> None:
    scores = evaluate_swap(clip, clip, man_faces, woman_faces, gallery=[woman_faces, man_faces], settings=FEW)
    assert (scores.identity.retrieval, scores.identity.gallery) == (1.0, 2)  # she is in the gallery, and the target
    assert "nearest to the source among 2 people" in [figure.name for figure in scores.figures()]
    other = evaluate_swap(clip, clip, woman_faces, man_faces, gallery=[man_faces], settings=FEW)
    assert other.identity.retrieval == 0.0


def test_a_clip_against_itself_is_perfect(same: SwapScores) -> None:
    assert same.geometry.landmark_error == 0
    assert same.geometry.mouth.correlation == pytest.approx(1)
    assert same.geometry.eyes.spread == pytest.approx(1)
    assert same.expression == same.pose == same.eyes.gaze_error == 0
    assert same.eyes.gaze == pytest.approx(1)
    assert same.sharpness.ratio == 1
    assert same.flicker.ratio == pytest.approx(1)
    assert same.cut_stability.starts == 1 and same.cut_stability.flicker == pytest.approx(1)
    assert same.background_ssim > 0.9
    assert same.seam is same.occlusion is same.own_face_share is same.frechet is None
    assert any("no seam" in note for note in same.notes) and any("covers" in note for note in same.notes)
    assert same.identity.to_target > 0.85
    assert same.times.exact and same.times.output_frames == FRAMES
    assert same.audio.streams == 1 and same.audio.identical and same.audio.exact
    assert (same.presence.frames, same.presence.person, same.presence.found) == (FRAMES, FRAMES, 1)
    assert same.presence.swapped != same.presence.swapped  # not a number: no masks were given
    assert 30 < same.background_psnr < 70  # the reference was encoded once more


def test_people_are_told_apart(clip: Path, man_faces: Path, woman_faces: Path, tmp_path: Path) -> None:
    output = changed(clip, tmp_path / "out.mp4", lambda image, index: image)
    scores = evaluate_swap(output, clip, woman_faces, man_faces, settings=FEW)
    assert scores.identity.closer_to_source == 0
    assert scores.identity.to_source < 0.36 < 0.8 < scores.identity.to_target
    assert scores.identity.to_target == pytest.approx(scores.input_to_target, abs=0.05)
    assert scores.geometry.landmark_error < 0.01
    assert scores.background_psnr > 55  # encoded once, as the reference was


def test_a_blurred_face_is_seen_where_it_counts(clip: Path, man_faces: Path, woman_faces: Path, tmp_path: Path) -> None:
    box = (slice(60, 300), slice(180, 420))
    masks = box_masks(tmp_path / "masks", box)

    def blur(image: np.ndarray, index: int) -> np.ndarray:
        image[box] = cv2.GaussianBlur(image[box], (0, 0), 3)
        return image

    output = changed(clip, tmp_path / "blur.mp4", blur)
    sheet, rows = tmp_path / "sheet.png", tmp_path / "frames.csv"
    settings = EvaluateSettings(references=6, frechet_faces=6)
    scores = evaluate_swap(output, clip, woman_faces, man_faces, masks, sheet=sheet, csv=rows, settings=settings)
    assert scores.sharpness.ratio < 0.2
    assert scores.sharpness.ratio_10 <= scores.sharpness.ratio * 1.5
    assert scores.geometry.landmark_error < 0.05, "the landmark error alone does not see blur"
    assert scores.background_psnr > 40 > 10 and scores.background_psnr_far >= scores.background_psnr - 1
    assert scores.presence.swapped == 1 and scores.presence.covered > 0.8
    missed = {figure.name for figure in scores.figures() if figure.is_reached is False}
    assert "sharpness, output over input" in missed
    picture = read_still(sheet)
    assert picture.shape[1] > 1500 and picture.std() > 20
    known = json.loads(json.dumps(scores.to_json(frames=True)))
    assert known["presence"]["frames"] == len(known["frames"]) == FRAMES
    assert len(rows.read_text(encoding="utf-8").splitlines()) == FRAMES + 1
    assert scores.frechet is not None and scores.frechet.faces == 6
    assert scores.frechet.input > scores.frechet.source, "a man is not the woman"


def test_a_tint_shows_at_its_edge_and_covers_that_it_runs_over_are_not_in_front(
    clip: Path, man_faces: Path, tmp_path: Path
) -> None:
    oval = cv2.ellipse(np.zeros((360, 640), np.uint8), (300, 180), (70, 95), 0, 0, 360, 255, -1)
    rise = np.minimum(cv2.distanceTransform(oval, cv2.DIST_L2, 5) / 10, 1)[..., None]
    masks, covers = tmp_path / "masks", tmp_path / "covers"
    hand = np.zeros((360, 640), np.uint8)
    hand[200:] = 255
    for folder, picture in ((masks, np.round(255 * rise).astype(np.uint8)), (covers, hand)):
        folder.mkdir()
        for index in range(FRAMES):
            cv2.imwrite(str(folder / f"{index:06d}.png"), picture)

    def tint(strength: float) -> SwapScores:
        def change(image: np.ndarray, index: int) -> np.ndarray:
            return np.clip(image + rise * np.array([strength, 0, -strength]), 0, 255).astype(np.uint8)

        output = changed(clip, tmp_path / f"{strength}.mp4", change)
        return evaluate_swap(output, clip, man_faces, man_faces, masks, occluders=covers, settings=FEW)

    plain, red = tint(0), tint(25)
    assert plain.seam is not None and red.seam is not None and plain.occlusion is not None
    assert plain.seam.ratio == pytest.approx(1, abs=0.03) and red.seam.ratio > 1.3
    assert red.seam.frames == plain.seam.frames == FRAMES
    assert plain.occlusion.in_front > 0.99 and plain.occlusion.frames == FRAMES
    assert red.occlusion is not None and red.occlusion.in_front < 0.4
    assert red.occlusion.replaced == plain.occlusion.replaced > 0.8
    missed = {figure.name for figure in red.figures() if figure.is_reached is False}
    assert {"colour seam, output over input", "covers still in front"} <= missed
    with pytest.raises(UsageError, match="no covers"):
        evaluate_swap(clip, clip, man_faces, man_faces, occluders=tmp_path, settings=FEW)


def test_a_face_that_takes_time_after_a_cut_drifts(man: Path, woman: Path, man_faces: Path, tmp_path: Path) -> None:
    clip = tmp_path / "cut.mp4"
    with VideoReader(woman, 0, 4) as before, VideoReader(man, 0, 12) as after:
        info, frames = after.info, [*before, *after]
    with VideoWriter(clip, info, EncodeSettings(crf=8, keep_audio=False)) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame.image, Fraction(index, 10), Fraction(1, 10))

    def settle(image: np.ndarray, index: int) -> np.ndarray:
        off = 24 * max(0.0, 1 - (index - 4) / 4) if index >= 4 else 0
        return np.clip(image + np.array([off, 0, -off]), 0, 255).astype(np.uint8)

    calm, settling = (
        evaluate_swap(output, clip, man_faces, man_faces, settings=FEW)
        for output in (clip, changed(clip, tmp_path / "out.mp4", settle, 99))
    )
    assert calm.presence.person == 12, "who stood there before the cut is somebody else"
    assert calm.cut_stability.worst == settling.cut_stability.worst == 4
    assert calm.cut_stability.drift < 0.2 < 3 < settling.cut_stability.drift
    assert calm.pictures["shot"].tolist() == [0] * 4 + [1] * 12
    assert "colour drift after cuts" in {f.name for f in settling.figures() if f.is_reached is False}


def test_people_who_exchange_their_faces_are_noticed(
    man: Path, woman: Path, man_faces: Path, woman_faces: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "two.mp4"
    with VideoReader(man, 0, 4) as left, VideoReader(woman, 0, 4) as right:
        pairs = list(zip(left, right, strict=True))
        with VideoWriter(clip, left.info, EncodeSettings(crf=8, keep_audio=False)) as writer:
            for one, other in pairs:
                writer.write(np.hstack([one.image, other.image]), one.time, one.duration)
    settings = EvaluateSettings(interval=2, references=6, frechet_faces=0)
    sheet = tmp_path / "sheet.png"
    kept = evaluate_people(
        clip,
        clip,
        [SwappedPerson(man_faces, man_faces), SwappedPerson(woman_faces, woman_faces)],
        sheet=sheet,
        csv=tmp_path / "two.csv",
        settings=settings,
    )
    assert [scores.own_face_share for scores in kept.people] == [1, 1]
    assert [scores.presence.person for scores in kept.people] == [4, 4]
    assert read_still(sheet).shape[0] > 2000
    assert len((tmp_path / "two.csv").read_text(encoding="utf-8").splitlines()) == 9
    swapped = [SwappedPerson(woman_faces, man_faces), SwappedPerson(man_faces, woman_faces)]
    wrong = evaluate_people(clip, clip, swapped, settings=settings)
    assert [scores.own_face_share for scores in wrong.people] == [0, 0]
    figures = {figure.name: figure for figure in wrong.figures()}
    name = "own face: closer to the own source than to another's"
    assert figures[name].is_reached is False and {f.name: f for f in kept.figures()}[name].is_reached
    assert len(wrong.to_json(frames=True)["frames"]) == 8
    assert [one["person"] for one in wrong.worst_frames(2)] == [0, 0, 1, 1]
    with pytest.raises(UsageError, match="somebody"):
        evaluate_people(clip, clip, [])


def test_the_command_measures_one_person_or_several(
    here: Callable, clip: Path, man_faces: Path, woman_faces: Path, tmp_path: Path
) -> None:
    one = ("evaluate", "swap", clip, "--input", clip, "--source", man_faces, "--target", man_faces)
    rows = tmp_path / "frames.csv"
    ended = here(*one, "--csv", rows, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["geometry"]["landmark_error"] == 0 and len(found["frames"]) == FRAMES
    assert {figure["name"] for figure in found["figures"]} >= {"pose error", "gaze, correlation"}
    assert sorted(one["frame"] for one in found["worst"]) == list(range(FRAMES))
    assert all(one["why"] and one["person"] == 0 for one in found["worst"])
    assert rows.exists()
    short = here(*one, "--source", woman_faces)
    assert short.code == 2 and "2 sources for 1 targets" in short.line()
    assert "--source-person" in here(*one, "--source-person", 0, "--source-person", 1).line()


def test_trembling_raises_flicker_and_a_frozen_face_loses_its_mouth(
    clip: Path, man_faces: Path, tmp_path: Path
) -> None:
    def tremble(image: np.ndarray, index: int) -> np.ndarray:
        return np.roll(image, 3 * (index % 2), axis=1)

    trembling = evaluate_swap(changed(clip, tmp_path / "t.mp4", tremble), clip, man_faces, man_faces, settings=FEW)
    assert trembling.flicker.ratio > 1.5
    kept: list[np.ndarray] = []

    def freeze(image: np.ndarray, index: int) -> np.ndarray:
        kept.append(image)
        return kept[0]

    frozen = evaluate_swap(changed(clip, tmp_path / "f.mp4", freeze), clip, man_faces, man_faces, settings=FEW)
    assert frozen.geometry.mouth.spread < 0.3
    assert abs(frozen.geometry.mouth.correlation) < 0.9


def test_a_shorter_output_and_lost_sound_are_noticed(clip: Path, man_faces: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.mp4"
    with VideoReader(clip) as reader, VideoWriter(path, reader.info, EncodeSettings(keep_audio=False)) as writer:
        for frame in reader:
            if frame.index < 8:
                writer.write(frame.image, frame.time, frame.duration)
    scores = evaluate_swap(path, clip, man_faces, man_faces, settings=FEW)
    assert (scores.times.output_frames, scores.times.input_frames) == (8, FRAMES)
    assert not scores.times.exact and not scores.audio.identical
    assert scores.presence.frames == 8


def test_what_does_not_belong_together_is_refused(
    clip: Path, man_faces: Path, sample: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="960x540"):
        evaluate_swap(sample("sample_no_face"), clip, man_faces, man_faces, settings=FEW)
    with pytest.raises(UsageError, match="3 masks"):
        evaluate_swap(
            clip, clip, man_faces, man_faces, box_masks(tmp_path / "few", (slice(9), slice(9)), 3), settings=FEW
        )
    with pytest.raises(FaceSetError, match="no person 5"):
        evaluate_swap(clip, clip, man_faces, man_faces, settings=EvaluateSettings(source_person=5))
    with pytest.raises(UsageError, match="no masks"):
        MaskFolder(tmp_path / "none", (4, 4))
    with pytest.raises(UsageError):
        EvaluateSettings(interval=0)


def test_only_the_persons_own_part_of_a_mask_counts() -> None:
    from effigie.faces.mesh import load_canonical_mesh

    points = np.vstack([load_canonical_mesh().vertices, np.zeros((10, 3))]) * [8, -8, 8] + [100, 120, 0]
    mask = np.full((240, 400), 255, np.uint8)
    inside = face_interior(points, (240, 400), mask)
    assert inside[120, 100] and not inside[120, 300]
    outline = face_interior(points, (240, 400), None)
    assert 0 < outline.sum() < inside.sum()
