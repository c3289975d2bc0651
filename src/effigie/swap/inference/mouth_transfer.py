"""The inside of the made mouth from the target's footage: teeth and tongue move, open and shine as they do there.

Nothing in the source's frames says what a laugh of theirs looks like inside if they never laughed, and lips pulled
apart by a warp show smeared lips. What lies between the lips says little about who somebody is. Where the source's own
teeth are wanted, the footage's fill in only what the source never showed.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import INNER_LIPS, LOWER_LIP, UPPER_LIP
from effigie.faces.warp import MeshWarper, mask_bounds

# Centimetres between the wanted mouth and the source's nearest: theirs alone, the target's alone.
KNOWN_DISTANCE, UNKNOWN_DISTANCE = 0.4, 0.8
# Of the mouth's width: half the height of the line along which shut lips touch, and how softly it ends.
LINE_SHARE, LINE_SIGMA = 0.04, 0.02
# Of the mouth's opening: how far its inside reaches under either lip and beyond the corners, and how softly it ends.
GROW, CORNER_MARGIN, EDGE_SIGMA = 0.1, 0.15, 0.06


def compute_mouth_share(distance: float) -> float:
    """0..1: how much of the mouth's inside is the target's where the source's own is wanted.

    Args:
        distance: of the source's nearest mouth, cm.
    """
    return float(np.clip((distance - KNOWN_DISTANCE) / (UNKNOWN_DISTANCE - KNOWN_DISTANCE), 0, 1))


def transfer_mouth(interior: Image, footage: Image, landmarks: Landmarks, warper: MeshWarper, share: float) -> None:
    """Put the inside of the footage's mouth between the made face's lips, in the footage's light.

    Args:
        interior: (S, S, 4) float32 in [0, 1], picture and weight; changed where the mouth is.
        footage: (S, S, 3) uint8, the target's face in the same crop, with its (478, 3) ``landmarks``.
        warper: the made face's geometry.
        share: 0..1, see :func:`compute_mouth_share`.
    """
    inside = _inner_mouth_mask(warper.target, warper.size) * np.float32(share)
    box = mask_bounds(inside)
    if box is None:
        return
    interior[box][..., :3] = warper.warp(footage, landmarks, box).image / np.float32(255)
    interior[box][..., 3] = np.maximum(interior[box][..., 3], inside[box])


def _inner_mouth_mask(landmarks: Landmarks, size: int) -> np.ndarray:
    """(S, S) float32: 1 between the lips, fading out under them; the line between them where they are shut."""
    upper, lower = landmarks[UPPER_LIP, :2], landmarks[LOWER_LIP, :2]
    corners = landmarks[INNER_LIPS[[0, 10]], :2]
    width = max(float(np.linalg.norm(corners[1] - corners[0])), 1e-3)
    across = (corners[1] - corners[0]) / width
    opening = float(np.linalg.norm(landmarks[13, :2] - landmarks[14, :2]))
    # Landmarks of shut lips lie on each other: the line between them is as wide as lips touch.
    bend = np.sin(np.linspace(0.15, 0.85, len(upper)) * np.pi)[:, None]
    up = np.array([across[1], -across[0]])
    reach = GROW * (upper - lower) + LINE_SHARE * width * bend * up
    corners = corners + CORNER_MARGIN * opening * np.stack([-across, across])
    outline = np.concatenate([corners[:1], upper + reach, corners[1:], (lower - reach)[::-1]])
    mask = polygon_mask(outline.astype(np.float32), size, size)
    return cv2.GaussianBlur(mask, (0, 0), max(0.6, EDGE_SIGMA * opening, LINE_SIGMA * width))
