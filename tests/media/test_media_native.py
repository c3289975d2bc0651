"""Tests of edits in the footage's own samples: exact outside, unbiased inside, in every format."""

from __future__ import annotations

import itertools

import av
import cv2
import numpy as np
import pytest

from effigie.edit import Edit
from effigie.media.clip import ColorSpace
from effigie.media.native_picture import NativePicture
from effigie.media.orientation import Orientation
from effigie.media.pixel_layout import find_layout

FORMATS = [
    *("yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv440p", "yuvj420p", "nv12", "nv21", "p010le", "p016le"),
    *("yuv420p10le", "yuv422p10le", "yuv444p12le", "yuv420p16le", "yuva420p", "yuva444p10le", "gray", "gray10le"),
    *("gray16le", "ya8", "gbrp", "gbrp10le", "gbrp12le", "gbrap12le", "rgb24", "bgr24", "rgba", "argb", "bgr0"),
    *("rgb48le", "rgba64le"),
]
SIZE = 75, 58  # width and height: odd, so that color samples stand for less than a block at two edges
EDITED = slice(9, 44), slice(21, 62)


def frame_of(name: str, seed: int = 0, size: tuple[int, int] = SIZE) -> av.VideoFrame:
    """A frame whose samples have every code value, those that no video may have too."""
    layout = find_layout(name)
    frame = av.VideoFrame(*size, name)
    random = np.random.default_rng(seed)
    for letter in layout.components:
        view = layout.view(frame, letter)
        noise = random.integers(0, layout.max_value + 1, view.shape)
        view[...] = noise << layout.shift
    return frame


def samples_of(picture: NativePicture) -> dict[str, np.ndarray]:
    return {letter: picture.samples(letter).copy() for letter in picture.layout.components}


def blob(rows: slice, columns: slice) -> np.ndarray:
    """A soft oval mask for a box, 0 around it."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    y, x = np.mgrid[0:height, 0:width]
    radius = np.hypot((y + 0.5) / height * 2 - 1, (x + 0.5) / width * 2 - 1)
    return np.clip((0.9 - radius) * 4, 0, 1).astype(np.float32)


def edit(picture: NativePicture, rows: slice, columns: slice, color=(0.8, 0.5, 0.4)) -> Edit:
    before, share = picture.read(rows, columns), blob(rows, columns)
    after = before + share[..., None] * (np.float32(color) - before)
    return Edit(rows.start, columns.start, before, after, share > 0)


def untouched(picture: NativePicture, change: Edit) -> dict[str, np.ndarray]:
    """Where no sample may differ, (h, w) bool of each component: a color sample stands for its whole block."""
    changed = np.zeros(picture.size, bool)
    changed[change.rows, change.columns] = change.changed
    changed = picture.orientation.revert(changed)
    down, across = picture.layout.down, picture.layout.across
    height, width = changed.shape
    blocks = np.pad(changed, ((0, -height % down), (0, -width % across)))
    blocks = blocks.reshape(-(-height // down), down, -(-width // across), across).max(axis=(1, 3))
    return {letter: ~(blocks if letter in "uv" else changed) for letter in picture.layout.components}


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("value_range", ["limited", "full"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_sample_outside_is_the_decoders(name, value_range, matrix):
    picture = NativePicture(frame_of(name), ColorSpace(range=value_range, matrix=matrix))
    before = samples_of(picture)
    change = edit(picture, *EDITED)
    picture.apply([change])
    after = samples_of(picture)
    for letter, outside in untouched(picture, change).items():
        assert np.array_equal(after[letter][outside], before[letter][outside]), letter
        if letter == "a":
            assert np.array_equal(after["a"], before["a"])
        elif letter in "yrgb":
            assert (after[letter][~outside] != before[letter][~outside]).mean() > 0.5


@pytest.mark.parametrize("turn", list(itertools.product((0, 90, 180, 270), (False, True))))
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "rgb24"])
def test_turned_footage_is_edited_where_it_lies(name, turn):
    picture = NativePicture(frame_of(name), ColorSpace(), Orientation(*turn))
    upright = picture.read(slice(0, picture.size[0]), slice(0, picture.size[1]))
    rows, columns = slice(5, 30), slice(12, 40)
    assert np.abs(picture.read(rows, columns) - upright[rows, columns]).max() < 1e-5
    before, change = samples_of(picture), edit(picture, rows, columns)
    picture.apply([change])
    for letter, outside in untouched(picture, change).items():
        assert np.array_equal(picture.samples(letter)[outside], before[letter][outside])
    if name == "rgb24":
        assert np.abs(picture.read(rows, columns) - change.after).max() < 0.51 / 255
    else:
        middle = change.changed & (blob(rows, columns) == 1)
        assert np.abs((picture.read(rows, columns) - change.after)[middle]).mean() < 0.12  # color noise is blurred


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("bgr0",)])
def test_what_is_made_comes_back(name):
    """A flat color in the middle of a smooth picture is read back within the footage's own steps."""
    layout = find_layout(name)
    frame = frame_of(name)
    for letter in layout.components:
        view = layout.view(frame, letter)
        y, x = np.mgrid[0 : view.shape[0], 0 : view.shape[1]]
        ramp = 0.35 + 0.2 * y / view.shape[0] + 0.1 * x / view.shape[1]
        view[...] = (np.rint((1 if letter == "a" else ramp) * layout.max_value)).astype(int) << layout.shift
    picture = NativePicture(frame, ColorSpace(matrix="bt709"))
    change = edit(picture, *EDITED, color=(0.6, 0.6, 0.6) if layout.model == "gray" else (0.72, 0.55, 0.45))
    picture.apply([change])
    inside = blob(*EDITED) == 1
    error = np.abs(picture.read(*EDITED) - change.after)[cv2.erode(inside.view(np.uint8), np.ones((7, 7))) > 0]
    assert error.max() < 2.2 / (1 << layout.bits)


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "gbrp10le", "rgb48le", "gray"])
def test_an_edit_that_changes_nothing_changes_no_sample(name):
    picture = NativePicture(frame_of(name), ColorSpace())
    before, read = samples_of(picture), picture.read(*EDITED)
    picture.apply([Edit(EDITED[0].start, EDITED[1].start, read, read.copy(), np.ones(read.shape[:2], bool))])
    assert all(np.array_equal(picture.samples(letter), before[letter]) for letter in before)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_shown_like_sdr_and_comes_back(transfer):
    color = ColorSpace(matrix="bt2020", primaries="bt2020", transfer=transfer)
    picture = NativePicture(frame_of("yuv420p10le"), color)
    luma, *colors = (picture.samples(letter) for letter in "yuv")
    code = 0.44 if transfer == "smpte2084" else 0.55  # light skin: about 80 cd/m² of 203
    luma[...] = 64 + round(876 * code)
    for plane in colors:
        plane[...] = 512
    luma[0, :4] = [960, 1000, 1019, 4]
    before = samples_of(picture)
    shown = picture.read(*EDITED)
    assert 0.5 < shown.mean() < 0.75
    change = edit(picture, *EDITED)
    picture.apply([change])
    outside = untouched(picture, change)
    assert all(np.array_equal(picture.samples(one)[outside[one]], before[one][outside[one]]) for one in "yuv")
    inside = blob(*EDITED) == 1
    core = cv2.erode(inside.view(np.uint8), np.ones((7, 7))) > 0
    assert np.abs(picture.read(*EDITED) - change.after)[core].max() < 0.01


def test_steps_of_video_are_kept_inside():
    """No edit reaches the code values that limited footage keeps for synchronization; those there stay."""
    picture = NativePicture(frame_of("yuv444p10le", 3), ColorSpace())
    before = samples_of(picture)
    rows, columns = slice(0, 40), slice(0, 40)
    read = picture.read(rows, columns)
    for value in (-2.0, 3.0):
        picture.apply([Edit(0, 0, read, np.full_like(read, value), np.ones(read.shape[:2], bool))])
        luma, old = picture.samples("y")[:40, :40], before["y"][:40, :40]
        assert luma.min() >= min(4, old.min()) and luma.max() <= max(1019, old.max())


def test_transparent_pixels_stay_hidden():
    picture = NativePicture(frame_of("rgba"), ColorSpace())
    alpha = picture.samples("a")
    alpha[:, :40], alpha[:, 40:] = 0, 200
    before = samples_of(picture)
    assert picture.read(slice(0, 20), slice(0, 40)).max() == 0
    picture.apply([edit(picture, *EDITED)])
    for letter in "rgba":
        assert np.array_equal(picture.samples(letter)[:, :40], before[letter][:, :40])
    assert (picture.samples("r")[20:30, 42:50] != before["r"][20:30, 42:50]).mean() > 0.5
