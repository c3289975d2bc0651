"""Tests of layers of single pictures: turned, of pixels that are not square, of fields, transparent."""

from __future__ import annotations

import numpy as np
import pytest
from av.video.frame import VideoFrame

from effigie.edit import Edit
from effigie.media.clip import ColorSpace
from effigie.media.layers.picture import compute_alpha, compute_layer, read_whole
from effigie.media.orientation import Orientation
from effigie.media.samples.native_picture import NativePicture

SIZE = (64, 48)  # width, height
COLOR = ColorSpace("limited", "bt709", "bt709", "bt709")
CASES = {
    "plain": ("yuv420p", Orientation(), None, None),
    "turned": ("yuv420p10le", Orientation(90, hflip=True), None, None),
    "not square": ("yuv422p", Orientation(), (128, 48), None),
    "turned and not square": ("yuv444p", Orientation(270), (48, 128), None),
    "first field": ("yuv422p", Orientation(), None, 0),
    "second field": ("yuv422p10le", Orientation(), None, 1),
    "transparent": ("yuva444p10le", Orientation(), None, None),
    "RGB": ("gbrp12le", Orientation(), None, None),
    "grey": ("gray", Orientation(), None, None),
}


def make_picture(name, orientation, shown):
    rng = np.random.default_rng(7)
    frame = VideoFrame(*SIZE, name)
    native = NativePicture(frame, COLOR, orientation, shown)
    step = 1 << (native.layout.bits - 8)
    for letter in native.layout.components:
        samples = native.samples(letter)
        samples[...] = rng.integers(60 * step, 180 * step, samples.shape)
        if letter == "a":
            samples[...] = native.layout.max_value
            samples[:24] = 0
    return native


def make_edit(native, field):
    rows, columns = slice(5, 41), slice(7, 39)
    before = native.read(rows, columns)
    share = np.zeros(before.shape[:2], np.float32)
    share[4:-4, 4:-4] = np.minimum(np.linspace(0.2, 1.5, share.shape[1] - 8, dtype=np.float32), 1)
    after = before + share[..., None] * (np.float32(0.5) - before)
    return Edit(rows.start, columns.start, before, after, share, field)


@pytest.mark.parametrize("name, orientation, shown, field", CASES.values(), ids=CASES)
def test_a_layer_over_the_picture_is_the_edited_one(name, orientation, shown, field):
    native = make_picture(name, orientation, shown)
    before, edit = read_whole(native), make_edit(native, field)
    native.apply([edit])
    after, alpha = read_whole(native), compute_alpha(native, [edit])
    layer = compute_layer(before, after, alpha, native.layout.bits)
    upright = orientation.turn_size(*SIZE)
    assert layer.shape == (upright[1], upright[0], 4)
    composed = layer[..., :3].astype(float) + (1 - layer[..., 3:].astype(float)) * before
    assert np.abs(composed - after).max() < 0.02 / ((1 << native.layout.bits) - 1)
    # Where the matte is 1 the layer is the made face, where it is 0 nothing.
    assert 0.99 < alpha.max() <= 1
    changed = (before != after).any(axis=2)
    if "420" not in name and "422" not in name:  # color samples of several pixels reach beyond
        assert not layer[alpha == 0].any()
    assert changed[alpha > 0.2].mean() > 0.95
    if field is not None:
        assert not alpha[1 - field :: 2].any()
    if native.layout.has_alpha:
        assert not alpha[:24].any() and alpha[24:].any()


def test_two_faces_hide_what_both_leave_of_it():
    native = make_picture("yuv444p", Orientation(), None)
    edit = make_edit(native, None)
    once, twice = compute_alpha(native, [edit]), compute_alpha(native, [edit, edit])
    assert np.allclose(1 - twice, (1 - once) ** 2, atol=1e-6)
