"""Landmarks drawn as a picture: coloured contours of the facial parts on black, the networks' input for the pose."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.faces.mesh import (
    FACE_OVAL,
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
)

BRIDGE = np.array([168, 6, 197, 195, 5, 4])
NOSTRILS = np.array([129, 98, 97, 2, 326, 327, 358])

# One colour a part (RGB), as far from each other as can be: a network tells them apart at once. Irises are yellow.
CLOSED_CONTOURS = (
    ((0, 0, 255), (FACE_OVAL,)),
    ((255, 128, 0), (LEFT_BROW, RIGHT_BROW)),
    ((0, 255, 0), (LEFT_EYE, RIGHT_EYE)),
    ((255, 0, 0), (OUTER_LIPS,)),
    ((255, 0, 255), (INNER_LIPS,)),
)
NOSE_COLOR = (0, 255, 255)

FIXED_POINT_BITS = 4
"""Binary digits behind the point of the coordinates drawn: a sixteenth of a pixel."""
LINE_THICKNESS = 1 / 160
"""Of a line, as a share of the picture's side; at least one pixel."""


def draw_landmarks(landmarks: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """The drawing of a face, ``(size, size, 3)`` RGB uint8; parts outside the picture are cut off.

    Face oval, brows, eyes, nose, outer and inner lips are lines, irises discs: so the drawing shows the gaze, which
    that of 68 points (the paper's) does not.

    Args:
        landmarks: (478, >= 2) in pixels of the drawing, x right, y down.
        size: side in pixels.
    """
    if len(landmarks) != 478 or not np.isfinite(landmarks[:, :2]).all():
        raise ValueError(f"a drawing needs 478 finite landmarks, not {np.shape(landmarks)}")
    # Bounded, so that fixed-point coordinates of a face far outside do not overflow.
    points = np.rint(np.clip(landmarks[:, :2], -8 * size, 9 * size) * 2**FIXED_POINT_BITS).astype(np.int32)
    thickness = max(1, round(size * LINE_THICKNESS))
    # Irises end at the lids: a closed eye shows none.
    eyes, irises = np.zeros((2, size, size), np.uint8)
    cv2.fillPoly(eyes, [points[LEFT_EYE], points[RIGHT_EYE]], 255, cv2.LINE_AA, FIXED_POINT_BITS)
    for iris in (LEFT_IRIS, RIGHT_IRIS):
        center, ring = points[iris[0]], points[iris[1:]]
        radius = int(np.hypot(*(ring - center).T).mean())
        cv2.circle(irises, center.tolist(), radius, 255, -1, cv2.LINE_AA, FIXED_POINT_BITS)
    visible = cv2.bitwise_and(eyes, irises)
    canvas = cv2.merge([visible, visible, np.zeros_like(visible)])
    for color, parts in CLOSED_CONTOURS:
        lines = [points[part] for part in parts]
        cv2.polylines(canvas, lines, True, color, thickness, cv2.LINE_AA, FIXED_POINT_BITS)
    nose = [points[BRIDGE], points[NOSTRILS]]
    cv2.polylines(canvas, nose, False, NOSE_COLOR, thickness, cv2.LINE_AA, FIXED_POINT_BITS)
    return canvas
