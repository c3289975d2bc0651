"""Labels of what covers the face in real pictures already, by simple checks, so that it is not learned as face."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.mask import face_mask
from effigie.faces.mesh import LEFT_BROW, LEFT_EYE, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE
from effigie.occlusion.network import FACE_GROWTH

# :func:`glasses_score` from which somebody wears some: few without reach it, few with stay below.
GLASSES_THRESHOLD = 0.41
CHEEKS = np.array([50, 280, 205, 425, 6, 4, 195, 118, 347])
# Lab distances from the skin's own colour, brightness counted half: beneath, skin; above, certainly not.
MAX_SKIN_DISTANCE, MIN_OTHER_DISTANCE = 16.0, 42.0
UNKNOWN = -1.0


def glasses_score(picture: Image, landmarks: Landmarks) -> float:
    """A score of glasses being worn: a bar across the nose's bridge, and rims below the eyes.

    Args:
        picture: (S, S, 3) uint8 RGB.
        landmarks: (478, >= 2) px.
    """
    left, right = landmarks[[33, 133], :2].mean(0), landmarks[[263, 362], :2].mean(0)
    middle, across = (left + right) / 2, right - left
    face_points = np.array([left, right, middle + 0.5 * np.array([-across[1], across[0]])], np.float32)
    patch_points = np.array([[20, 24], [60, 24], [40, 44]], np.float32)
    patch = cv2.warpAffine(picture, cv2.getAffineTransform(face_points, patch_points), (80, 64), flags=cv2.INTER_AREA)
    light = cv2.GaussianBlur(cv2.cvtColor(patch, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32), (0, 0), 0.8)
    edge = np.abs(cv2.Sobel(light, cv2.CV_32F, 0, 1, ksize=3)) / 8
    bridge = float(edge[16:36, 36:44].mean(1).max())
    rim_patches = np.concatenate([edge[32:50, 12:30], edge[32:50, 50:68]], 1)
    rims = float(np.median(np.sort(rim_patches, 0)[-2:].mean(0)))
    return (bridge + rims) / (float(light[10:54].std()) + 8)


def label_visibility(picture: Image, landmarks: Landmarks) -> np.ndarray:
    """(S, S) float32: 1 where the face is visible, 0 where hair or background certainly is, -1 where it is unknown.

    Brows, lids, lips, beards and all else within the mesh below the brows is face, whatever it looks like. Above the
    brows and at the sides what looks like the cheeks is face, and what is far from them is not.

    Args:
        picture: (S, S, 3) uint8 RGB without anything before the face but hair.
        landmarks: (478, >= 2) px.
    """
    size = picture.shape[0]
    colors = cv2.cvtColor(cv2.GaussianBlur(picture, (0, 0), size / 160), cv2.COLOR_RGB2LAB).astype(np.float32)
    samples = []
    for x, y in landmarks[CHEEKS, :2]:
        column, row = int(np.clip(x, 2, size - 3)), int(np.clip(y, 2, size - 3))
        samples.append(colors[row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3))
    skin = np.median(np.concatenate(samples), 0)
    skin_distance = np.linalg.norm((colors - skin) * np.array([0.5, 1.0, 1.0], np.float32), axis=2)
    outline = face_mask(landmarks, size, size, FACE_GROWTH) > 0.5
    labels = np.where(
        skin_distance < MAX_SKIN_DISTANCE, 1.0, np.where(skin_distance > MIN_OTHER_DISTANCE, 0.0, UNKNOWN)
    ).astype(np.float32)
    # Between skin and hair the colours mix: nobody knows there, nor at a lone pixel of either.
    mixed = cv2.dilate((labels == 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    labels[mixed & (labels == 1)] = UNKNOWN
    labels[certain_face_mask(landmarks, size)] = 1
    labels[~outline & (labels == 1)] = UNKNOWN
    return labels


def certain_face_mask(landmarks: Landmarks, size: int) -> np.ndarray:
    """(S, S) bool: within the mesh below the brows, and brows, eyes and lips themselves.

    Args:
        landmarks: (478, >= 2) px of a picture of ``size``.
    """
    eye_distance = float(np.linalg.norm(landmarks[RIGHT_EYE, :2].mean(0) - landmarks[LEFT_EYE, :2].mean(0)))
    certain = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(certain, cv2.convexHull(np.rint(landmarks[:468, :2]).astype(np.int32)), 1)
    brow = landmarks[[*LEFT_BROW, *RIGHT_BROW], :2]
    down = landmarks[152, :2] - landmarks[10, :2]
    down = down / max(float(np.linalg.norm(down)), 1e-6)
    positions = np.arange(size)
    height = positions * down[0] + positions[:, None] * down[1]
    certain[height < np.median(brow @ down) - 0.08 * eye_distance] = 0
    for part in (LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE, OUTER_LIPS):
        cv2.fillConvexPoly(certain, cv2.convexHull(np.rint(landmarks[part, :2]).astype(np.int32)), 1)
    return certain > 0
