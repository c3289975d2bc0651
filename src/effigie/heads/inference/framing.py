"""The framing of a portrait: which part of it is animated, at which size."""

from __future__ import annotations

import numpy as np

from effigie.faces.align import CROP_SIDE_CM, compute_placement
from effigie.heads.inference.portrait import Portrait

MAX_SIDE = 1280  # px, larger side of an output whose size nobody chose
HEAD_SCALE = 1.7  # times the face's crop: hair, neck and room to move
UPWARD_SHIFT = 0.04  # of the square, by which it lies higher than the face


def frame_portrait(portrait: Portrait, paste: str, size: int | None) -> Portrait:
    """The portrait as it is animated.

    Args:
        paste: ``portrait`` for the whole picture, ``crop`` for a square around the head.
        size: px of the larger side; None keeps it, up to 1280.
    """
    if paste == "crop":
        portrait = crop_head(portrait)
    height, width = portrait.image.shape[:2]
    scale = (size or min(MAX_SIDE, max(height, width))) / max(height, width)
    if scale == 1:
        return portrait
    return portrait.resize(max(1, round(width * scale)), max(1, round(height * scale)))


def crop_head(portrait: Portrait) -> Portrait:
    """The largest square around the head that the picture holds, at most 1.7 times the face's crop."""
    height, width = portrait.image.shape[:2]
    pose = portrait.pose
    side = min(round(HEAD_SCALE * CROP_SIDE_CM * pose.scale), height, width)
    x, y = compute_placement(pose)[:2] - np.array([side / 2, side * (0.5 + UPWARD_SHIFT)])
    left, top = round(float(np.clip(x, 0, width - side))), round(float(np.clip(y, 0, height - side)))
    return portrait.crop(left, top, left + side, top + side)
