"""Cut stability: whether a face settles after a cut; its first half second against the next.

Whatever a conversion carries from frame to frame (colour, smoothing, which frame it bends) starts anew at a shot cut
and where a person comes into view. Two things are measured after every such start, the clip's own beginning included:

- *flicker* in the first half second, as in :mod:`effigie.evaluate.metrics.flicker`: output over input, 1 is as calm;
- *drift*: how far the made face's colour, less the footage's in the same frame (mean CIELAB inside the mask), lies from
  what it is in the half second after, less what it varies there anyway; the worst start counts. Unit: the distance in
  CIELAB, about 1 is just seen; 0 and below is no drift.

What fools them: blur is calm; a colour that takes more than a second to settle hardly drifts in half of one; an
expression that begins with the shot (teeth appear) moves the mean. A start that has no full second of the person says
nothing about drift, and less than three frames about nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.evaluate.metrics.flicker import compare_flicker

WINDOW_S = 0.5  # s
MIN_FRAMES = 3  # frames in either window


@dataclass(frozen=True)
class CutStabilityScores:
    """Flicker and colour drift after cuts; NaN where there was nothing to measure."""

    flicker: float  # output over input, in the first half second of all starts
    drift: float  # CIELAB, of the worst start
    worst: int  # the first frame of that start; -1 for none
    starts: int
    judged: int  # starts that showed the person long enough for drift


def compute_mean_color(image: Image, inside: np.ndarray) -> np.ndarray:
    """(3,) mean CIELAB of (H, W, 3) uint8 RGB where (H, W) bool is True, which it must be somewhere."""
    pixels = image[inside].astype(np.float32)[:, None] / 255
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)[:, 0].mean(0), np.float64)


def color_drift(times: np.ndarray, offsets: np.ndarray) -> float:
    """Colour offset at a start, CIELAB; NaN without :data:`MIN_FRAMES` frames in either half second.

    Args:
        times: (N,) s since the start, ascending.
        offsets: (N, 3) mean colour of the made face less that of the footage's.
    """
    first, second = times < WINDOW_S, (times >= WINDOW_S) & (times < 2 * WINDOW_S)
    if min(first.sum(), second.sum()) < MIN_FRAMES:
        return float("nan")
    settled = offsets[second].mean(0)
    off, usual = (np.linalg.norm(offsets[window] - settled, axis=1).mean() for window in (first, second))
    return float(off - usual)


def compare_cut_stability(
    starts: Sequence[int], since: np.ndarray, offsets: np.ndarray, levels: np.ndarray, start_index: np.ndarray
) -> CutStabilityScores:
    """Sum up a clip of N frames.

    Args:
        starts: the first frame of each start.
        since: (N,) s since the start that a frame belongs to.
        offsets: (N, 3) colour offsets; NaN where none was measured.
        levels: (N, 2) motion-compensated differences, output and input; NaN likewise.
        start_index: (N,) index into ``starts``.
    """
    early = (since < WINDOW_S) & ~np.isnan(levels).any(1)
    is_measured = ~np.isnan(offsets).any(1)
    rows_by_start = [is_measured & (start_index == start) for start in range(len(starts))]
    drifts = np.array([color_drift(since[rows], offsets[rows]) for rows in rows_by_start])
    judged = int((~np.isnan(drifts)).sum())
    worst = int(np.nanargmax(drifts)) if judged else -1
    return CutStabilityScores(
        flicker=compare_flicker(levels[early]).ratio if early.sum() >= MIN_FRAMES else float("nan"),
        drift=float(drifts[worst]) if judged else float("nan"),
        worst=int(starts[worst]) if judged else -1,
        starts=len(starts),
        judged=judged,
    )
