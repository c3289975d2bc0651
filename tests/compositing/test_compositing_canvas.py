"""Tests of the canvas: faces put into footage of any depth, exact outside, unbiased where the face is left as it is."""

import av
import cv2
import numpy as np
import pytest

from effigie.compositing.canvas import Canvas
from effigie.compositing.compositor import Compositor
from effigie.compositing.config import ComposeSettings
from effigie.compositing.grain import GrainSettings
from effigie.compositing.region import Region
from effigie.media.clip import ColorSpace
from effigie.media.samples.color import to_rgb
from effigie.media.samples.native_convert import to_frame
from effigie.media.samples.native_picture import NativePicture

PLAIN = ComposeSettings(color="none", temporal=0, motion_blur=0, grain=GrainSettings(strength=0))
SIDE = 96
MATRIX = np.array([[1.0, 0, -30], [0, 1.0, -20]])
KINDS = [
    ("yuv420p", "limited", "bt709", "bt709"),
    ("yuv420p", "full", "bt601", "bt709"),
    ("yuv422p10le", "limited", "bt709", "bt709"),
    ("yuv420p10le", "limited", "bt2020", "smpte2084"),
    ("yuv420p10le", "limited", "bt2020", "arib-std-b67"),
    ("gbrp12le", "full", "bt709", "bt709"),
    ("gray", "full", "bt709", "bt709"),
]


def footage(name, value_range, matrix, transfer):
    """Smooth footage of skin with noise; no color changes downwards, where trackers see HDR's half a pixel off."""
    x = np.mgrid[0:144, 0:176][1].astype(np.float32)
    rgb = np.stack([0.62 + 0.1 * np.sin(x / 23), 0.48 + 0.1 * np.sin(x / 31), 0.42 + 0.08 * np.cos(x / 29)], -1)
    if name.startswith("gray"):
        rgb[:] = rgb[..., 1:2]
    rgb += np.random.default_rng(1).normal(0, 0.01, rgb.shape)
    image = np.rint(np.clip(rgb, 0, 1) * 65535).astype(np.uint16)
    color = ColorSpace(value_range, matrix, "bt709", transfer)
    wide = NativePicture(av.VideoFrame.from_ndarray(image, "rgb48le"), color)
    frame = to_frame(wide, name, color, av.video.reformatter.VideoReformatter())
    return NativePicture(frame, color)


def shown(picture):
    frame = picture.frame
    return to_rgb(frame, picture.color, (frame.width, frame.height), av.video.reformatter.VideoReformatter())


def outline():
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    return (np.hypot(x - SIDE / 2, y - SIDE / 2) < SIDE * 0.42).astype(np.float32)


def samples(picture):
    return {letter: picture.samples(letter).astype(int) for letter in picture.layout.components}


@pytest.mark.parametrize("kind", KINDS, ids=[f"{name}-{transfer}" for name, _, _, transfer in KINDS])
def test_a_face_left_as_it_is_has_no_bias(kind):
    picture = footage(*kind)
    if picture.layout.model == "yuv" and picture.color.range == "limited":
        step = 1 << (picture.layout.bits - 8)
        picture.samples("y")[60:66, 70:80] = 246 * step  # a highlight above white
        picture.samples("u")[33:37, 26:31] = 20 * step  # a color that RGB cannot say
    before, image = samples(picture), shown(picture)
    face = image[20 : 20 + SIDE, 30 : 30 + SIDE]
    canvas = Canvas(image, picture.read)
    mask = Compositor(PLAIN).compose_onto(canvas, face, outline(), MATRIX)
    picture.apply(canvas.edits)
    after = samples(picture)
    for letter in before:
        change = after[letter] - before[letter]
        share = cv2.resize(mask, change.shape[::-1], interpolation=cv2.INTER_AREA)
        assert not change[share == 0].any()
        assert abs(change[share == 255].mean()) < 1, letter
        step = 1 << max(0, picture.layout.bits - 8)
        assert np.abs(change[share == 255]).mean() < 0.8 * step * (3 if picture.is_hdr else 1), letter
    if picture.layout.model == "yuv" and picture.color.range == "limited":
        step = 1 << (picture.layout.bits - 8)
        assert np.abs((after["y"] - before["y"])[61:65, 71:79]).max() <= 2 * step


def test_deep_footage_gets_a_face_without_bands():
    """A face that is a ramp of little more than two 8-bit levels comes out in the ten-bit steps between them."""
    picture = footage("yuv444p10le", "limited", "bt709", "bt709")
    picture.samples("u")[...] = picture.samples("v")[...] = 512
    picture.samples("y")[...] = 500
    face = np.broadcast_to(np.linspace(0.498, 0.508, SIDE, dtype=np.float32)[None, :, None], (SIDE, SIDE, 3))
    canvas = Canvas(shown(picture), picture.read)
    Compositor(PLAIN).compose_onto(canvas, np.ascontiguousarray(face), outline(), MATRIX)
    picture.apply(canvas.edits)
    row = picture.samples("y")[20 + SIDE // 2, 30 + 25 : 30 + SIDE - 25].astype(int)
    expected = 64 + 876 * face[0, 25:-25, 0]
    assert np.abs(row - expected).max() < 0.75
    assert len(np.unique(row)) >= 4


def test_a_second_edit_sees_the_first():
    image = np.full((40, 40, 3), 100, np.uint8)
    canvas = Canvas(image)
    one = Region(5, 5, 25, 25, np.eye(2, 3))
    two = Region(15, 15, 35, 35, np.eye(2, 3))
    mask = np.ones((20, 20), np.float32)
    mask[:3] = 0
    canvas.paste(one, canvas.crop(one), np.full((20, 20, 3), 0.8, np.float32), mask)
    seen = canvas.crop(two)
    assert np.allclose(seen[:10, :10], 0.8) and np.allclose(seen[12:, 12:], 100 / 255)
    canvas.paste(two, seen, seen + 0.1, np.ones((20, 20), np.float32))
    assert np.allclose(canvas.edits[1].input[:10, :10], 0.8) and np.allclose(canvas.edits[1].output[:10, :10], 0.9)
    assert (canvas.image[5:8] == 100).all() and (image == 100).all()
    assert (canvas.image[20, 20] == round(0.9 * 255)).all() or (canvas.image[20, 20] == round(0.9 * 255 + 0.5)).all()
