"""Tests that occluders stay in front in a conversion, and of masks painted elsewhere."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from effigie.cli.convert import parse_erosion
from effigie.compositing import ComposeSettings, Compositor
from effigie.compositing.canvas import Canvas
from effigie.errors import MediaError, UsageError
from effigie.faces.analyzer import analyze
from effigie.media import EncodeSettings, VideoReader, VideoWriter, probe
from effigie.provenance import TrustSettings
from effigie.swap import ConvertSettings, convert
from effigie.swap.editing.mask_clip import MaskClip, mask_from_image
from effigie.swap.editing.project import load_project
from effigie.swap.editing.shot_settings import ShotSettings

PNG = EncodeSettings(codec="png")
PLAIN = TrustSettings(watermark=False)
COUNT = 5
WHOLE = 12  # frames of the clip


def pictures(folder):
    return [cv2.imread(str(path))[..., ::-1] for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def clip(man, cut, tmp_path_factory):
    """The man's first frames."""
    return cut(man, tmp_path_factory.mktemp("clip") / "clip.mp4", 0, WHOLE)


@pytest.fixture(scope="module")
def inputs(clip):
    with VideoReader(clip, stop=COUNT) as reader:
        return [frame.image for frame in reader]


@pytest.fixture(scope="module")
def made(quick_model, clip, tmp_path_factory):
    """made(another, **settings) -> the frames of a conversion, of the clip unless of another."""

    def run(another=clip, **settings):
        folder = tmp_path_factory.mktemp("made") / "out"
        given = ConvertSettings(encode=PNG, trust=PLAIN, max_frames=COUNT, **settings)
        convert(quick_model, another, folder, given)
        return pictures(folder)

    return run


@pytest.fixture(scope="module")
def plain(made):
    return made()


def written(folder, images):
    folder.mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"{number:04d}.png"), image[..., ::-1] if image.ndim == 3 else image)
    return folder


def test_what_is_held_before_the_face_stays_there(clip, inputs, made, tmp_path):
    """A blue card on the cheek: on, its pixels are the footage's own; off, and in a shot of its own, they are not."""
    with VideoReader(clip, stop=COUNT) as reader:
        faces = [item.faces[0] for item in analyze(reader)]
    held, inner = [], []
    for image, face in zip(inputs, faces, strict=True):
        low = face.landmarks[205, :2] - 0.05 * np.exp(face.placement[2])
        high = low + 0.3 * np.exp(face.placement[2])
        (left, top), (right, bottom) = low.astype(int), high.astype(int)
        image = image.copy()
        image[top:bottom, left:right] = (40, 90, 170)
        held.append(image)
        middle = np.zeros(image.shape[:2], bool)
        middle[top + 9 : bottom - 9, left + 9 : right - 9] = True
        inner.append(middle)
    footage = written(tmp_path / "held", held)
    kept, painted = made(footage), made(footage, compose=ComposeSettings(occlusion="off"))
    mixed = made(footage, shots=(ShotSettings(0, 1, compose=ComposeSettings(occlusion="off")),))
    for number, (image, middle) in enumerate(zip(held, inner, strict=True)):
        assert (np.abs(kept[number].astype(int) - image).max(2)[middle] <= 8).mean() > 0.9
        assert (np.abs(painted[number].astype(int) - image).max(2)[middle] <= 8).mean() < 0.7
        alike = painted if number < 2 else kept
        assert np.abs(mixed[number].astype(int) - alike[number])[middle].mean() < 12


def test_black_paint_leaves_the_footage_and_white_changes_nothing(inputs, made, plain, tmp_path):
    height, width = inputs[0].shape[:2]
    half = np.zeros((height, width), np.uint8)
    half[:, width // 2 :] = 255
    cv2.imwrite(str(tmp_path / "half.png"), half)
    cv2.imwrite(str(tmp_path / "white.png"), np.full_like(half, 255))
    painted, white = made(mask_clip=tmp_path / "half.png"), made(mask_clip=tmp_path / "white.png")
    changed = 0
    for image, one, all_, without in zip(inputs, painted, white, plain, strict=True):
        assert np.array_equal(one[:, : width // 2], image[:, : width // 2])
        assert np.array_equal(all_, without)
        changed += int((one != image).any(2).sum())
    assert changed > 500


def test_a_clip_of_paint_follows_the_frames(clip, inputs, made, plain, tmp_path):
    """The third frame is painted black; the others white. As a clip of the same times, and as a folder."""
    height, width = inputs[0].shape[:2]
    white, black = np.full((height, width, 3), 255, np.uint8), np.zeros((height, width, 3), np.uint8)
    images = [black if number == 2 else white for number in range(WHOLE)]
    with VideoReader(clip) as reader, VideoWriter(tmp_path / "paint.mp4", probe(clip)) as writer:
        for frame, image in zip(reader, images, strict=True):
            writer.write(image, frame.time, frame.duration)
    for mask_clip in (tmp_path / "paint.mp4", written(tmp_path / "folder", images[:COUNT])):
        painted = made(mask_clip=mask_clip)
        assert np.array_equal(painted[2], inputs[2])
        assert np.array_equal(painted[0], plain[0]) and np.array_equal(painted[1], plain[1])


def test_alpha_and_grey_are_paint():
    image = np.array([[[255, 255, 255], [0, 0, 0], [128, 128, 128], [250, 20, 20], [3, 4, 2]]], np.uint8)
    assert np.allclose(mask_from_image(image), [[1, 0, 0.502, 1, 0]], atol=0.01)


def test_paint_with_alpha_is_opaque_where_the_face_shows(clip, inputs, tmp_path):
    height, width = inputs[0].shape[:2]
    strokes = np.full((height, width, 4), 255, np.uint8)
    strokes[: height // 2, :, 3] = 0
    cv2.imwrite(str(tmp_path / "strokes.png"), strokes)
    with VideoReader(clip, stop=2) as reader, MaskClip(tmp_path / "strokes.png", probe(clip)) as mask_clip:
        for frame in reader:
            found = mask_clip(frame)
            assert (found[: height // 2] == 0).all() and (found[height // 2 :] == 1).all()
        mask_clip.check_end()


def faults(clip, folder):
    """Masks that do not fit, by what is told of each."""
    info = probe(clip)
    whole = np.full((info.height, info.width, 3), 255, np.uint8)
    small = folder / "small.png"
    cv2.imwrite(str(small), whole[::2, ::2])
    short, long = written(folder / "short", [whole] * 3), written(folder / "long", [whole] * (WHOLE + 8))
    slow = folder / "slow.mp4"
    with VideoWriter(slow, info) as writer:
        for number in range(WHOLE):
            writer.write(whole, Fraction(number, 12), Fraction(1, 12))
    text = folder / "notes.txt"
    text.write_text("no mask")
    return {
        "export it at the clip's size": small,
        "ends after 3 frames": short,
        "is longer than": long,
        "export it at the clip's frame rate": slow,
        "notes.txt": text,
    }


def test_paint_that_does_not_fit_is_refused_and_nothing_written(quick_model, clip, tmp_path):
    settings = {"encode": PNG, "trust": PLAIN}
    for told, mask_clip in faults(clip, tmp_path).items():
        error = MediaError if told == "notes.txt" else UsageError
        with pytest.raises(error, match=told):
            if told == "is longer than":
                with VideoReader(clip) as reader, MaskClip(mask_clip, reader.info) as read:
                    for frame in reader:
                        read(frame)
                    read.check_end()
            else:
                convert(quick_model, clip, tmp_path / "out", ConvertSettings(mask_clip=mask_clip, **settings))
        assert not (tmp_path / "out").exists()


def test_paint_is_of_the_frames_size():
    frame, face = np.zeros((40, 60, 3), np.uint8), np.zeros((16, 16, 3), np.float32)
    with pytest.raises(ValueError, match="paint"):
        Compositor().compose_onto(
            Canvas(frame), face, np.ones((16, 16), np.float32), np.eye(2, 3), matte=np.ones((40, 40), np.float32)
        )


def test_settings_from_the_command_line(quick_model, clip, tmp_path, here):
    """What is asked for is in the project that is saved."""
    mask_clip = tmp_path / "white.png"
    info = probe(clip)
    cv2.imwrite(str(mask_clip), np.full((info.height, info.width), 255, np.uint8))
    ended = here(
        *("convert", quick_model, clip, "-o", "out", "--codec", "png", "--frames", 2, "--occlusion", "off"),
        *("--mask-clip", mask_clip, "--erode", "top=0.05,left=-0.02", "--feather", 0.1, "--save-project", "scene.toml"),
    )
    assert ended.code == 0, ended.err
    settings = load_project(tmp_path / "scene.toml").settings
    assert settings.mask_clip == mask_clip and settings.compose.occlusion == "off"
    mask = settings.compose.mask
    assert (mask.top, mask.left, mask.right, mask.feather) == (0.05, -0.02, 0.0, 0.1)
    assert 'paint = "white.png"' in (tmp_path / "scene.toml").read_text()
    assert here("convert", quick_model, clip, "-o", "x", "--occlusion", "maybe").code == 2
    refused = here("convert", quick_model, clip, "-o", "x", "--mask-clip", "nothing.mov")
    assert refused.code == 1 and "nothing.mov" in refused.line()


def test_erosion_by_side():
    assert parse_erosion("0.03") == {"top": 0.03, "bottom": 0.03, "left": 0.03, "right": 0.03}
    assert parse_erosion("top=0.1, left=-0.2") == {"top": 0.1, "left": -0.2}
    for wrong in ("much", "up=1", "top=", "top=0.1,top=0.2", ""):
        with pytest.raises(UsageError, match="--erode"):
            parse_erosion(wrong)


def test_paint_over_pixels_that_are_not_square(clip, tmp_path):
    """A mask of the file's own size fits the frames, which are read in square pixels; another size does not."""
    info = probe(clip)
    half = np.zeros((info.height, info.width // 2), np.uint8)
    half[:, info.width // 4 :] = 255
    cv2.imwrite(str(tmp_path / "half.png"), half)
    wide = replace(info, pixel_aspect=Fraction(2), file_size=(info.width // 2, info.height))
    with VideoReader(clip, stop=1) as reader, MaskClip(tmp_path / "half.png", wide) as mask_clip:
        mask = mask_clip(next(iter(reader)))
    assert mask.shape == (info.height, info.width)
    assert not mask[:, : info.width // 2 - 2].any() and (mask[:, info.width // 2 + 2 :] == 1).all()
    with pytest.raises(UsageError, match="export it at the clip's size"):
        MaskClip(tmp_path / "half.png", info)
