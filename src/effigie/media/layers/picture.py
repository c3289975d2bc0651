"""A layer: what lies over a picture of the footage to make the output of it, premultiplied, with its alpha.

``layer + (1 - alpha) * footage`` is the output everywhere. Where only the mark or the label changed samples alpha is 0
and the layer holds the difference, which may be negative: without the mark no output leaves.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from effigie.edit import Edit
from effigie.media.samples.native_picture import NativePicture

Picture = NDArray[np.float32]

# In how many steps a code value is divided: what floats have beyond that says nothing, and does not compress.
STEPS = 64


def read_whole(native: NativePicture) -> Picture:
    """(H, W, 3) float32 R'G'B' in the footage's own transfer, 0..1 and beyond; upright, in the file's own pixels."""
    whole = slice(0, native.frame.height), slice(0, native.frame.width)
    return np.asarray(native.orientation.apply(native.read_signal(*whole)), np.float32)


def compute_alpha(native: NativePicture, edits: Iterable[Edit]) -> Picture:
    """(H, W) float32 in 0..1, how much of each pixel the edits replaced; upright, in the file's own pixels."""
    width, height = native.grid.file
    footage_share = np.ones((height, width), np.float32)
    for edit in edits:
        box, share = (edit.rows, edit.columns), edit.share
        if not native.grid.is_same:
            box, share = native.grid.cover(*box), native.grid.average(share, *box)
        if edit.field is not None:
            share = share.copy()
            share[(1 - edit.field - box[0].start) % 2 :: 2] = 0
        footage_share[box] *= 1 - np.clip(share, 0, 1)
    alpha = 1 - footage_share
    if native.layout.has_alpha:  # what is fully transparent is not edited
        alpha *= native.orientation.apply(native.samples("a")) > 0
    return alpha


def compute_layer(footage: Picture, output: Picture, alpha: Picture, bits: int) -> Picture:
    """The layer that makes ``output`` of ``footage``.

    Args:
        footage, output: (H, W, 3) of :func:`read_whole`.
        bits: of the footage.

    Returns:
        (H, W, 4) float32 RGBA. Not float16, of 8 bits either: FFmpeg loses what is negative of it.
    """
    steps = np.float32(STEPS << bits)
    layer = np.empty((*alpha.shape, 4), np.float32)
    layer[..., 3] = np.rint(alpha * steps) / steps
    # Of the alpha that the file holds: so the rounding of alpha costs nothing.
    color = output - (1 - layer[..., 3:]) * footage
    layer[..., :3] = np.rint(color * steps) / steps
    return layer
