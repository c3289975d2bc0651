"""Thin strands of hair along the cheeks, which the occlusion network takes for face.

A strand is a dark ridge that runs down the cheek near the face's outline: darker than what lies on either side of it.
Beards, sideburns and shadow are dark on one side only and stay the face's.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.occlusion.synthetic.visibility_labels import certain_face_mask

# Of the picture's side.
RIDGE_WIDTH = 0.07  # a strand is narrower
RIM_WIDTH = 0.105  # how far in from the outline strands are looked for
MIN_HEIGHT = 0.06
DARKER = 0.25  # than the lighter of both sides, a share of it
MIN_SLENDERNESS = 2.0  # height over width; eyes and brows lie across


def find_hair_strands(picture: Image, landmarks: Landmarks) -> np.ndarray:
    """(S, S) bool: strands, and all that lies beyond them, as far as the face's outline.

    Args:
        picture: (S, S, 3) uint8, an upright face's crop.
        landmarks: (478, >= 2) px of it.
    """
    side = picture.shape[0]
    certain = certain_face_mask(landmarks, side)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    sides = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones((1, _odd(RIDGE_WIDTH * side)), np.uint8))
    rim = np.ones((_odd(2 * RIM_WIDTH * side),) * 2, np.uint8)
    inner = cv2.erode(certain.astype(np.uint8), rim, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    ridge = (sides - grey > DARKER * sides) & certain & ~inner
    count, patches, boxes, _ = cv2.connectedComponentsWithStats(ridge.astype(np.uint8), connectivity=8)
    strands = np.zeros_like(certain)
    middle = float(landmarks[:468, 0].mean())
    columns = np.arange(side)
    for patch in range(1, count):
        left, top, width, height, _ = boxes[patch]
        if height < MIN_HEIGHT * side or height < MIN_SLENDERNESS * width:
            continue
        for row in range(top, top + height):
            strand_columns = np.flatnonzero(patches[row] == patch)
            if strand_columns.size:
                strands[row] |= (
                    columns <= strand_columns[-1] if left + width / 2 < middle else columns >= strand_columns[0]
                )
    return strands & certain


def _odd(width: float) -> int:
    return 2 * round((width - 1) / 2) + 1
