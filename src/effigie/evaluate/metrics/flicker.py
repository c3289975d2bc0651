"""Flicker: motion-compensated difference of consecutive frames, output over input.

Unit: a ratio, 0 upwards; 1 is as calm as the footage. The levels behind it are mean absolute differences in
0..255.

Motion is measured on the input (DIS optical flow) and taken out of both clips: the geometry is the same,
and flow measured on the output would explain its own trembling away.

What fools it: blur is calm, so read it together with sharpness; a face that fails to move with the footage
shows as flicker, rightly. Noisy footage hides much, footage without noise hides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

MARGIN = 32  # pixels around the mask that flow may look at
# Levels; a calmer input is a still picture, and a ratio to its coding noise would say nothing.
MIN_REFERENCE = 0.1


@dataclass(frozen=True)
class FlickerScores:
    """Flicker of a clip's face."""

    ratio: float  # of the two differences, the latter at least MIN_REFERENCE
    output: float  # mean difference, levels of 255
    reference: float
    frames: int  # pairs of them


@cache
def _optical_flow() -> Any:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def warp_by_flow(previous: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``previous`` (H, W) or (H, W, 3), moved along ``flow`` (H, W, 2) to where it is now."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(previous, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def compensated_differences(
    output: tuple[np.ndarray, np.ndarray],
    reference: tuple[np.ndarray, np.ndarray],
    inside: tuple[np.ndarray, np.ndarray],
) -> tuple[float, float] | None:
    """Mean absolute motion-compensated difference of a pair of frames, levels of 255: output, reference.

    None where the two masks share nothing.

    Args:
        output: the frame before and this one, (H, W, 3) uint8 RGB.
        reference: the same two frames of the input.
        inside: (H, W) bool of either frame; only pixels that are inside in both count.
    """
    rows, columns = (np.flatnonzero((inside[0] | inside[1]).any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    box = (
        slice(max(rows[0] - MARGIN, 0), rows[-1] + 1 + MARGIN),
        slice(max(columns[0] - MARGIN, 0), columns[-1] + 1 + MARGIN),
    )
    previous, current = reference[0][box], reference[1][box]
    if min(current.shape[:2]) < 16:  # too small for the flow's patches
        return None
    gray = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (current, previous)]
    flow = _optical_flow().calc(*gray, None)  # where each pixel was before
    shared = inside[1][box] & (warp_by_flow(inside[0][box].astype(np.float32), flow) > 0.99)
    if not shared.any():
        return None
    mine = cv2.absdiff(warp_by_flow(output[0][box], flow), output[1][box])[shared].mean()
    footage = cv2.absdiff(warp_by_flow(previous, flow), current)[shared].mean()
    return float(mine), float(footage)


def compare_flicker(levels: np.ndarray) -> FlickerScores:
    """Sum up (N, 2) differences, output and input."""
    if not len(levels):
        nan = float("nan")
        return FlickerScores(nan, nan, nan, 0)
    output, reference = (float(value) for value in levels.mean(0))
    return FlickerScores(output / max(reference, MIN_REFERENCE), output, reference, len(levels))
