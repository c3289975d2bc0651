"""Occlusion preservation: whether what covers the face stays in front, given drawn occluder masks.

Units: shares of pixels, 0..1. *In front*: of the covered pixels within the face's outline, those whose colour is that
of the footage, encoded as the output was, to :data:`NEAR` levels in every channel after a blur of one pixel; to compare
bit by bit would measure the encoder. *Replaced*: of the face's other pixels, those where the conversion's mask is above
a half. Two pixels on either side of a drawn edge count as neither, nor does the outline's rim, where the mask is
feathered.

What fools them: a face painted over a hand of the same colour passes as the hand. A mask that replaces nothing has
everything in front: read the two together. What is replaced is the mask's word, not the picture's. Drawn covers that
are a frame late measure the drawing.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image

NEAR = 8.0  # levels of 255
RIM = 2  # px


@dataclass(frozen=True)
class OcclusionScores:
    """How well occluders are preserved."""

    in_front: float  # share of the covered pixels of the face that show the footage
    replaced: float  # share of its uncovered pixels that the mask replaces; NaN without masks
    frames: int  # in which something covers the face


def count_occlusion_pixels(
    output: Image, reference: np.ndarray, face: np.ndarray, cover: np.ndarray, mask: np.ndarray | None
) -> tuple[int, int, int, int]:
    """Pixels of one frame: in front, covered, replaced, uncovered.

    Args:
        output: (H, W, 3) uint8 RGB.
        reference: the input, encoded as the output was.
        face: (H, W) bool, the outline without its rim.
        cover: (H, W) uint8, above 127 where something covers the face.
        mask: (H, W) uint8 of the conversion; without it nothing counts as replaced.
    """
    rows, columns = np.flatnonzero(face.any(1)), np.flatnonzero(face.any(0))
    if not len(rows):
        return 0, 0, 0, 0
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside, hidden = face[box], (cover > 127).view(np.uint8)
    element = np.ones((2 * RIM + 1,) * 2, np.uint8)
    covered = inside & (cv2.erode(hidden, element)[box] > 0)
    bare = inside & (cv2.dilate(hidden, element)[box] == 0)
    pictures = (cv2.blur(each[box].astype(np.float32), (3, 3)) for each in (output, reference))
    is_alike = np.abs(np.subtract(*pictures)).max(2) <= NEAR
    replaced = 0 if mask is None else int((mask[box][bare] > 127).sum())
    return int(is_alike[covered].sum()), int(covered.sum()), replaced, int(bare.sum())


def compare_occlusion(counts: np.ndarray, masked: bool) -> OcclusionScores:
    """Sum up (N, 4) counts of :func:`count_occlusion_pixels`, frames in which nothing is covered left out."""
    counts = np.reshape(counts, (-1, 4))
    counts = counts[counts[:, 1] > 0]
    front, covered, replaced, bare = counts.sum(0)
    nan = float("nan")
    return OcclusionScores(
        in_front=float(front / covered) if covered else nan,
        replaced=float(replaced / bare) if masked and bare else nan,
        frames=len(counts),
    )
