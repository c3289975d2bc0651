"""The protocol on a real clip: against itself, blurred, misplaced, cut short."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from effigie.errors import FaceSetError, UsageError
from effigie.evaluate import EvaluateSettings, SwapScores, evaluate_swap
from effigie.evaluate.regions import MaskFolder, inside_face
from effigie.evaluate.worst import APART, Worst
from effigie.media import EncodeSettings, Reader, Writer, read_still

FRAMES = 14
FEW = EvaluateSettings(references=12)


@pytest.fixture(scope="module")
def clip(man: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The man, opening his mouth into a smile, with sound."""
    path = tmp_path_factory.mktemp("clip") / "man.mp4"
    with Reader(man, 12, 12 + FRAMES) as reader:
        frames = list(reader)
        end = frames[-1].time + (frames[-1].duration or 0)
        with Writer(path, reader.info, EncodeSettings(crf=8), span=(frames[0].time, end)) as writer:
            for frame in frames:
                writer.write(frame.image, frame.time, frame.duration)
    return path


def changed(
    clip: Path, path: Path, change: Callable[[np.ndarray, int], np.ndarray], stop: int = FRAMES
) -> Path:
    with Reader(clip) as reader, Writer(path, reader.info) as writer:
        for frame in reader:
            if frame.index < stop:
                writer.write(change(frame.image, frame.index), frame.time, frame.duration)
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


def test_a_clip_against_itself_is_perfect(same: SwapScores) -> None:
    assert same.geometry.landmark_error == 0
    assert same.geometry.mouth.correlation == pytest.approx(1)
    assert same.geometry.eyes.spread == pytest.approx(1)
    assert same.sharpness.ratio == 1
    assert same.flicker.ratio == pytest.approx(1)
    assert same.identity.to_target > 0.85
    assert same.times.exact and same.times.output_frames == FRAMES
    assert same.audio.streams == 1 and same.audio.identical and same.audio.exact
    assert (same.presence.frames, same.presence.person, same.presence.found) == (FRAMES, FRAMES, 1)
    assert same.presence.swapped != same.presence.swapped  # not a number: no masks were given
    assert 30 < same.outside < 70  # the reference was encoded once more


def test_people_are_told_apart(clip: Path, man_faces: Path, woman_faces: Path, tmp_path: Path) -> None:
    output = changed(clip, tmp_path / "out.mp4", lambda image, index: image)
    scores = evaluate_swap(output, clip, woman_faces, man_faces, settings=FEW)
    assert scores.identity.closer_to_source == 0
    assert scores.identity.to_source < 0.36 < 0.8 < scores.identity.to_target
    assert scores.identity.to_target == pytest.approx(scores.input_to_target, abs=0.05)
    assert scores.geometry.landmark_error < 0.01
    assert scores.outside > 55  # encoded once, as the reference was


def test_a_blurred_face_is_seen_where_it_counts(
    clip: Path, man_faces: Path, woman_faces: Path, tmp_path: Path
) -> None:
    box = (slice(60, 300), slice(180, 420))
    masks = box_masks(tmp_path / "masks", box)

    def blur(image: np.ndarray, index: int) -> np.ndarray:
        image[box] = cv2.GaussianBlur(image[box], (0, 0), 3)
        return image

    output = changed(clip, tmp_path / "blur.mp4", blur)
    sheet = tmp_path / "sheet.png"
    scores = evaluate_swap(output, clip, woman_faces, man_faces, masks, sheet=sheet, settings=FEW)
    assert scores.sharpness.ratio < 0.2
    assert scores.sharpness.ratio_10 <= scores.sharpness.ratio * 1.5
    assert scores.geometry.landmark_error < 0.05, "the landmark error alone does not see blur"
    assert scores.outside > 40 > 10 and scores.outside_far >= scores.outside - 1
    assert scores.presence.swapped == 1 and scores.presence.covered > 0.8
    missed = {figure.name for figure in scores.figures() if figure.reached is False}
    assert "sharpness, output over input" in missed
    picture = read_still(sheet)
    assert picture.shape[1] > 1500 and picture.std() > 20
    assert json.loads(json.dumps(scores.to_json()))["presence"]["frames"] == FRAMES


def test_trembling_raises_flicker_and_a_frozen_face_loses_its_mouth(
    clip: Path, man_faces: Path, tmp_path: Path
) -> None:
    def tremble(image: np.ndarray, index: int) -> np.ndarray:
        return np.roll(image, 3 * (index % 2), axis=1)

    trembling = evaluate_swap(
        changed(clip, tmp_path / "t.mp4", tremble), clip, man_faces, man_faces, settings=FEW
    )
    assert trembling.flicker.ratio > 1.5
    kept: list[np.ndarray] = []

    def freeze(image: np.ndarray, index: int) -> np.ndarray:
        kept.append(image)
        return kept[0]

    frozen = evaluate_swap(
        changed(clip, tmp_path / "f.mp4", freeze), clip, man_faces, man_faces, settings=FEW
    )
    assert frozen.geometry.mouth.spread < 0.3
    assert abs(frozen.geometry.mouth.correlation) < 0.9


def test_a_shorter_output_and_lost_sound_are_noticed(clip: Path, man_faces: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.mp4"
    with Reader(clip) as reader, Writer(path, reader.info, EncodeSettings(keep_audio=False)) as writer:
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
            clip,
            clip,
            man_faces,
            man_faces,
            box_masks(tmp_path / "few", (slice(9), slice(9)), 3),
            settings=FEW,
        )
    with pytest.raises(FaceSetError, match="no person 5"):
        evaluate_swap(clip, clip, man_faces, man_faces, settings=EvaluateSettings(source_who=5))
    with pytest.raises(UsageError, match="no masks"):
        MaskFolder(tmp_path / "none", (4, 4))
    with pytest.raises(UsageError):
        EvaluateSettings(every=0)


def test_only_the_persons_own_part_of_a_mask_counts() -> None:
    from effigie.faces.mesh import canonical

    points = np.vstack([canonical().vertices, np.zeros((10, 3))]) * [8, -8, 8] + [100, 120, 0]
    mask = np.full((240, 400), 255, np.uint8)
    inside = inside_face(points, (240, 400), mask)
    assert inside[120, 100] and not inside[120, 300]
    outline = inside_face(points, (240, 400), None)
    assert 0 < outline.sum() < inside.sum()


def test_the_worst_frames_are_kept_apart() -> None:
    worst = Worst(2)
    picture = np.zeros((50, 50, 3), np.uint8)
    points = np.array([[10.0, 10.0], [40.0, 40.0]])
    for frame, badness in enumerate([5, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7, 8, 3, float("nan")]):
        worst.offer(frame, badness, "", (picture, picture), points)
    assert [(pair.frame, pair.badness) for pair in worst.pairs] == [(1, 9), (12, 8)]
    assert worst.pairs[1].frame - worst.pairs[0].frame >= APART
