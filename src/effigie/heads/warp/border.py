"""Continues a person beyond the picture's borders, for what comes into view when they rise or step aside."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from effigie.arrays import Image

REACH_CM = 24.0  # beyond a border: a head's height and some more
NECKLINE_CM = 19.0  # below the head's middle: from here on clothes can be mirrored
HEAD_CM = 9.0  # from the head's middle to either side, beyond which hair and shoulders can be
CHIN_CM, SHOULDER_FALL = 10.0, 1.0  # below the head's middle; how far a shoulder falls for as far as it goes aside
MIN_TOUCH_CM = 1.0  # of a border that the person must touch
EDGE_ROWS, EDGE_LEVELS = 3, 10.0  # px of a film's spoilt edge, and levels by which it differs from what is before it
MIN_MIRROR_CM = 2.0  # that are mirrored at least, for their grain
STREAK_CM = (0.1, 0.4, 0.8, 1.4)  # sigmas by which the border's colours are evened out as they go on ...
STREAK_END_CM = 4.0  # ... up to here
DETAIL_CM = 0.6  # sigma: what is finer is detail
ALIKE = 20.0  # levels by which mirrored colours differ from those at the border and still are of the same thing


def extend_person(
    foreground: Image, cover: np.ndarray, upright: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], scale: float
) -> tuple[Image, np.ndarray, tuple[int, int]]:
    """Continue a person's colours and cover beyond every border that they touch.

    Outline and colours go on straight from where the border cuts them, with the detail mirrored where it is like them.

    Args:
        foreground: (H, W, 3) uint8, cover: (H, W) float32 in [0, 1], of the picture.
        upright: how many cm (..., 2) px lie to the right of and below the middle of the head.
        scale: pixels a cm.

    Returns:
        both enlarged, and the left and top px by which they are.
    """
    height, width = cover.shape
    middle = np.array([width, height]) / 2 - scale * np.array(upright(np.array([width, height]) / 2))
    mirrored = {  # px along each border that are free of face and neck
        "bottom": height - middle[1] - NECKLINE_CM * scale,
        "left": middle[0] - HEAD_CM * scale,
        "right": width - middle[0] - HEAD_CM * scale,
        "top": middle[1] - HEAD_CM * scale,
    }
    left = top = 0
    for side in ("bottom", "top", "left", "right"):
        is_transposed = side in ("left", "right")
        colors, mask = (foreground.transpose(1, 0, 2), cover.T) if is_transposed else (foreground, cover)
        first = side in ("top", "left")
        if first:
            colors, mask = colors[::-1], mask[::-1]
        if (mask[-1] > 0.5).sum() < MIN_TOUCH_CM * scale:
            continue
        reach = int(min(REACH_CM * scale, mask.shape[0]))
        trim = _spoilt_rows(colors, mask)
        colors, mask = colors[: -trim or None], mask[: -trim or None]
        # A shoulder that a side cuts goes on downward, hair that it cuts does not.
        falls = is_transposed and int(np.argmax(mask[-1] > 0.5)) > top + middle[1] + CHIN_CM * scale
        colors, mask = _extend_below(colors, mask, reach + trim, mirrored[side], scale, SHOULDER_FALL if falls else 0.0)
        if first:
            colors, mask = colors[::-1], mask[::-1]
        foreground, cover = (colors.transpose(1, 0, 2), mask.T) if is_transposed else (colors, mask)
        left, top = left + reach * (side == "left"), top + reach * (side == "top")
    return np.ascontiguousarray(foreground), np.ascontiguousarray(cover), (left, top)


def _spoilt_rows(colors: np.ndarray, mask: np.ndarray) -> int:
    """Rows at the end that many films have darkened or smeared, and which must not be continued."""
    if len(colors) < 2 * EDGE_ROWS:
        return 0
    theirs = mask[-1] > 0.5
    last, inner = (colors[-row, theirs].astype(np.float32) for row in (1, 1 + EDGE_ROWS))
    return EDGE_ROWS if float(np.median(np.abs(last - inner).mean(1))) > EDGE_LEVELS else 0


def _extend_below(
    colors: np.ndarray, mask: np.ndarray, reach: int, depth: float, scale: float, fall: float
) -> tuple[np.ndarray, np.ndarray]:
    """``reach`` rows more below, mirrored from ``depth`` rows; the outline moves along them by ``fall`` a row."""
    height = len(mask)
    depth = int(np.clip(max(depth, MIN_MIRROR_CM * scale), 1, height - 1))
    # Down into the picture and back again, as often as needed.
    away = (np.arange(reach) + 1) % (2 * depth)
    rows = height - 1 - np.minimum(away, 2 * depth - away)
    shifted = np.arange(mask.shape[1]) - np.round(fall * np.arange(1, reach + 1)).astype(int)[:, None]
    edge = mask[-1][np.maximum(shifted, 0)]
    plain = _continue_straight(colors, mask, reach, scale)
    mirrored = colors[rows].astype(np.float32)
    # Folds and grain are kept; another piece of clothing, skin, or the wall is not.
    even = cv2.GaussianBlur(mirrored, (0, 0), DETAIL_CM * scale)
    like = np.exp(-0.5 * (((even - plain) ** 2).sum(2) / ALIKE**2)) * np.clip(4 * mask[rows] - 3, 0, 1)
    like = cv2.GaussianBlur(like.astype(np.float32), (0, 0), 0.3 * scale)
    added = np.clip(plain + like[..., None] * (mirrored - even), 0, 255)
    return np.concatenate([colors, np.round(added).astype(np.uint8)]), np.concatenate([mask, edge])


def _continue_straight(colors: np.ndarray, mask: np.ndarray, reach: int, scale: float) -> np.ndarray:
    """(reach, W, 3) float32: the colours along the last row, more and more evened out."""
    last = max(1, round(0.3 * scale))
    weight = mask[-last:, :, None] ** 4 + np.float32(1e-4)
    row = np.dstack([(colors[-last:] * weight).sum(0)[None], weight.sum(0)[None]]).astype(np.float32)
    rows = []
    for sigma in STREAK_CM:
        size = 2 * round(2.5 * sigma * scale) + 1
        blurred = cv2.GaussianBlur(row, (size, 1), sigma * scale)
        rows.append(blurred[..., :3] / blurred[..., 3:])
    levels = np.concatenate(rows)
    place = np.minimum((np.arange(reach) + 1) / (STREAK_END_CM * scale), 1) * (len(levels) - 1)
    lower = np.minimum(place.astype(int), len(levels) - 2)
    share = (place - lower).astype(np.float32)[:, None, None]
    return np.asarray(levels[lower] * (1 - share) + levels[lower + 1] * share)
