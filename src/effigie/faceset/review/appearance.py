"""Appearance of crops: brightness, clipping, and duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.faces.mesh import eye_distance
from effigie.faceset import Faces
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

LOOK_SIZE = 64  # px at which crops are looked at
FACE_REGION = slice(LOOK_SIZE // 5, LOOK_SIZE - LOOK_SIZE // 5)  # rows and columns that are skin in every crop
THUMBNAIL_SIZE = 16  # px a side of what repeats are told by
BLACK, WHITE = 12, 250  # grey levels from which on a pixel shows nothing any more
MAX_DIFFERENCE = 0.018  # of a thumbnail's standard deviation: mean difference below which two are the same
MAX_MOTION = 0.003  # of the eye distance: a quarter of the landmark network's own tremble
BATCH = 256  # crops decoded at once


@dataclass(frozen=True)
class CropAppearance:
    """Appearance of N crops."""

    brightness: np.ndarray  # (N,) mean grey level of the face, 0 to 255
    clipped: np.ndarray  # (N,) share of its pixels that are black or white
    thumbnails: np.ndarray  # (N, 16, 16) uint8 grey


def measure_appearance(
    faces: Faces, progress: ProgressCallback = ignore_progress, cancel: CancelToken | None = None
) -> CropAppearance:
    """Measure the appearance of every crop, decoded once at a small size."""
    brightness, clipped = np.empty(len(faces)), np.empty(len(faces))
    thumbnails = np.empty((len(faces), THUMBNAIL_SIZE, THUMBNAIL_SIZE), np.uint8)
    for first in range(0, len(faces), BATCH):
        if cancel:
            cancel.check()
        indices = np.arange(first, min(first + BATCH, len(faces)))
        for index, crop in zip(indices.tolist(), faces.crops(indices, LOOK_SIZE), strict=True):
            gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
            skin = gray[FACE_REGION, FACE_REGION]
            brightness[index] = skin.mean()
            clipped[index] = ((skin <= BLACK) | (skin >= WHITE)).mean()
            thumbnails[index] = cv2.resize(gray, thumbnails.shape[1:], interpolation=cv2.INTER_AREA)
        progress(Progress("look at faces", int(indices[-1]) + 1, len(faces), "faces"))
    return CropAppearance(brightness, clipped, thumbnails)


def find_duplicates(faces: Faces, thumbnails: np.ndarray) -> np.ndarray:
    """Find faces (N,) bool that look like the last non-duplicate of their track, and have not moved."""
    repeated = np.zeros(len(faces), bool)
    clips = np.unique(faces.clip.astype(str), return_inverse=True)[1]
    last: dict[tuple[int, int], int] = {}
    for index in np.lexsort((faces.frame, faces.track, clips)).tolist():
        key = int(clips[index]), int(faces.track[index])
        if (previous := last.get(key)) is not None:
            difference = np.abs(thumbnails[index].astype(np.int16) - thumbnails[previous]).mean()
            points = faces.landmarks[index]
            moved = np.linalg.norm(points[:, :2] - faces.landmarks[previous, :, :2], axis=1).mean()
            is_similar = difference < MAX_DIFFERENCE * max(float(thumbnails[index].std()), 1.0)
            repeated[index] = is_similar and moved < MAX_MOTION * eye_distance(points)
        if not repeated[index]:
            last[key] = index
    return repeated
