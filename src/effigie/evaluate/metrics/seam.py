"""Seam visibility: colour steps across the mask's edge in the output, over the same in the footage.

Unit: a ratio, 0 upwards; 1 steps across the edge as the footage does there by itself. The levels behind it are
CIEDE2000 colour differences; about 1 is what an eye just sees, 2 to 3 is plain.

How: at each point of the outer edge of a conversion's mask, one point just outside (the mask is 0, the footage's own
pixel) and one inwards along the normal, where the mask is at its full level and nothing of the footage is left. Between
them lies the feather. Both pictures are lightly blurred first, so that noise and grain do not count, and are measured
at the very same pairs; the ratio is of the means over all pairs and frames. Edge outside of the picture is none.

Two ratios. Most of a mask's edge follows edges of the footage (hair, a jaw before a wall), with steps of 20 and more in
either clip: over the *whole* edge, sixteen grey levels of paint on a face measured no more than 1.06 to 1.18, and swaps
with a fringe cut off straight came out below 1, because other hair had vanished. So the figure that has a limit counts
only where the footage is *even*, the two points less than :data:`MAX_EVEN_STEP` apart: there a step is a seam.

What fools it: pairs are chosen by the footage, so that a perfect face whose own shadows lie elsewhere, or whose jaw
ends elsewhere, reads a little above 1 (points taken a few pixels further along the edge, in the footage itself, read
1.2 to 1.4). A wide feather counts like a hard edge. A made face that is flat where the footage is not comes below 1,
which is no merit. What shows elsewhere than at the mask's edge is not seen at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000

from effigie.arrays import Image

FULL_MASK = 250  # of 255; from here on the mask is at its full level
POINT_COUNT = 200  # along an edge, at most
BESIDE = 1.5  # px from the edge to the points outside, and from the first full pixel on to those inside
REACH = 0.5  # of the eye distance; where the mask is not full within this, it is no face but a thin tip
BLUR = 0.03  # of the eye distance, at least a pixel and a half
MAX_EVEN_STEP = 10.0  # CIEDE2000; a larger step is an edge of the footage's own
# CIEDE2000; a footage more even than that is flat paint, and a ratio to it would say nothing.
MIN_REFERENCE_STEP = 0.5


@dataclass(frozen=True)
class SeamSteps:
    """Steps across the edge in one frame, sums of CIEDE2000 over pairs of points: of the output, and of the input."""

    even: tuple[float, float]  # where the footage is even
    pairs: int
    whole: tuple[float, float]  # everywhere
    all_pairs: int


@dataclass(frozen=True)
class SeamScores:
    """Visibility of a clip's seam; NaN where there was nothing to measure."""

    ratio: float  # of the two mean steps where the footage is even, the latter at least MIN_REFERENCE_STEP
    output: float  # CIEDE2000
    reference: float
    share: float  # of the edge, how much is even
    whole: float  # the ratio over the whole edge
    frames: int


def edge_pairs(mask: np.ndarray, eye_distance: float) -> np.ndarray:
    """(N, 2, 2) float32 px, x and y of points just outside and just inside the edge of a (H, W) uint8 mask."""
    none = np.zeros((0, 2, 2), np.float32)
    touched = (mask > 0).view(np.uint8)
    contours, _ = cv2.findContours(touched, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    edge = max((contour[:, 0] for contour in contours), key=len, default=none[:, 0])
    if len(edge) < 8:
        return none
    # Work on the mask's own part of the frame; a rim is left, but not where the picture ends.
    blur = max(1.5, 0.04 * eye_distance)
    rim = int(3 * blur) + 2
    low, high = np.maximum(edge.min(0) - rim, 0), edge.max(0) + rim + 1
    part, touched = (each[low[1] : high[1], low[0] : high[0]] for each in (mask, touched))
    edge = (edge[:: -(-len(edge) // POINT_COUNT)] - low).astype(np.float32)
    smooth = cv2.GaussianBlur(touched.astype(np.float32), (0, 0), blur)
    normal = np.stack([sample_bilinear(cv2.Sobel(smooth, cv2.CV_32F, *o), edge) for o in ((1, 0), (0, 1))], axis=1)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    has_normal = length[:, 0] > 1e-4
    if not has_normal.any():  # the whole picture is replaced
        return none
    edge, normal = edge[has_normal], normal[has_normal] / length[has_normal]
    steps = np.arange(1, max(4, round(REACH * eye_distance)), dtype=np.float32)
    walked = edge[:, None] + steps[None, :, None] * normal[:, None]
    full = sample_bilinear(part, walked.reshape(-1, 2)).reshape(len(edge), len(steps)) >= FULL_MASK
    first = steps[full.argmax(1)]
    pairs = low + np.stack([edge - BESIDE * normal, edge + (first + BESIDE)[:, None] * normal], axis=1)
    last = np.array([mask.shape[1] - 1, mask.shape[0] - 1])
    is_inside = ((pairs >= 0) & (pairs <= last)).all((1, 2)) & (sample_bilinear(part, pairs[:, 0] - low) == 0)
    return pairs[full.any(1) & is_inside].astype(np.float32)


def steps_across(image: Image, pairs: np.ndarray, eye_distance: float) -> np.ndarray:
    """(N,) CIEDE2000 between the points of (N, 2, 2) pairs in a (H, W, 3) uint8 RGB picture, lightly blurred."""
    low = np.maximum(np.floor(pairs.min((0, 1))).astype(int) - 8, 0)
    high = np.ceil(pairs.max((0, 1))).astype(int) + 9
    box = image[low[1] : high[1], low[0] : high[0]]
    smooth = cv2.GaussianBlur(box, (0, 0), max(1.5, BLUR * eye_distance)).astype(np.float32) / 255
    points = (pairs - low).reshape(-1, 2)
    colors = cv2.cvtColor(sample_bilinear(smooth, points)[:, None], cv2.COLOR_RGB2LAB).reshape(-1, 2, 3)
    return np.asarray(deltaE_ciede2000(colors[:, 0], colors[:, 1]), np.float64)


def seam_steps(output: Image, original: Image, mask: np.ndarray, eye_distance: float) -> SeamSteps | None:
    """Steps across the edge in one frame; None where the mask has no edge.

    Args:
        original: the input, encoded as the output was, (H, W, 3) uint8 RGB like it.
        mask: (H, W) uint8 of the conversion, of this person alone.
    """
    pairs = edge_pairs(mask, eye_distance)
    if not len(pairs):
        return None
    mine, footage = (steps_across(image, pairs, eye_distance) for image in (output, original))
    even = footage < MAX_EVEN_STEP
    return SeamSteps(
        (float(mine[even].sum()), float(footage[even].sum())),
        int(even.sum()),
        (float(mine.sum()), float(footage.sum())),
        len(pairs),
    )


def compare_seam(even: np.ndarray, pairs: np.ndarray, whole: np.ndarray, all_pairs: np.ndarray) -> SeamScores:
    """Sum up N frames: (N, 2) sums over even pairs, (N,) their numbers, the same of all pairs."""
    count, everything = float(np.sum(pairs)), float(np.sum(all_pairs))
    nan = float("nan")
    if not everything:
        return SeamScores(nan, nan, nan, nan, nan, 0)
    (all_output, all_reference), (output, reference) = (
        np.reshape(sums, (-1, 2)).sum(0) / max(1.0, number) for sums, number in ((whole, everything), (even, count))
    )
    return SeamScores(
        ratio=float(output / max(reference, MIN_REFERENCE_STEP)) if count else nan,
        output=float(output) if count else nan,
        reference=float(reference) if count else nan,
        share=count / everything,
        whole=float(all_output / max(all_reference, MIN_REFERENCE_STEP)),
        frames=len(all_pairs),
    )


def sample_bilinear(picture: Image, points: np.ndarray) -> np.ndarray:
    """(N,) or (N, C) of a (H, W) or (H, W, C) picture at (N, 2) x, y in px, bilinear."""
    x, y = (np.ascontiguousarray(points[:, axis, None], np.float32) for axis in (0, 1))
    samples = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return samples.reshape(len(points), *picture.shape[2:])
