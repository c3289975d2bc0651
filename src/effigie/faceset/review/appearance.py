"""What a face's crop itself tells: light, and whether it repeats the one before."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.faces.mesh import eye_distance
from effigie.faceset import Faces
from effigie.progress import Cancel, Progress, ProgressCallback, silent

SIDE = 64  # px at which crops are looked at
FACE = slice(SIDE // 5, SIDE - SIDE // 5)  # rows and columns that show skin in every crop
THUMB = 16  # px a side of what repeats are told by
BLACK, WHITE = 12, 250  # grey levels from which on a pixel shows nothing any more
ALIKE = 0.018  # of a thumbnail's standard deviation: mean difference below which two are the same
STILL = 0.003  # of the eye distance: a quarter of the landmark network's own tremble
STEP = 256  # crops decoded at once


@dataclass(frozen=True)
class Looks:
    """Of N faces, in their order.

    Attributes:
        light: (N,) mean grey level of the face, 0 to 255.
        lost: (N,) share of its pixels that are black or white.
        thumbs: (N, 16, 16) uint8 grey.
    """

    light: np.ndarray
    lost: np.ndarray
    thumbs: np.ndarray


def look(faces: Faces, progress: ProgressCallback = silent, cancel: Cancel | None = None) -> Looks:
    """Decode every crop once, small.

    Raises:
        FaceSetError: a crop cannot be read.
        Cancelled: asked to stop.
    """
    light, lost = np.empty(len(faces)), np.empty(len(faces))
    thumbs = np.empty((len(faces), THUMB, THUMB), np.uint8)
    for first in range(0, len(faces), STEP):
        if cancel:
            cancel.check()
        indices = np.arange(first, min(first + STEP, len(faces)))
        for index, crop in zip(indices.tolist(), faces.crops(indices, SIDE), strict=True):
            gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
            skin = gray[FACE, FACE]
            light[index] = skin.mean()
            lost[index] = ((skin <= BLACK) | (skin >= WHITE)).mean()
            thumbs[index] = cv2.resize(gray, (THUMB, THUMB), interpolation=cv2.INTER_AREA)
        progress(Progress("look at faces", int(indices[-1]) + 1, len(faces), "faces"))
    return Looks(light, lost, thumbs)


def repeats(faces: Faces, thumbs: np.ndarray) -> np.ndarray:
    """(N,) bool: faces that look like the last one of their track that was not a repeat itself, and have not moved.

    Args:
        faces: with clip, frame, track and landmarks.
        thumbs: (N, 16, 16) uint8.
    """
    repeated = np.zeros(len(faces), bool)
    clips = np.unique(faces.clip.astype(str), return_inverse=True)[1]
    last: dict[tuple[int, int], int] = {}
    for index in np.lexsort((faces.frame, faces.track, clips)).tolist():
        key = int(clips[index]), int(faces.track[index])
        before = last.get(key)
        if before is not None:
            difference = np.abs(thumbs[index].astype(np.int16) - thumbs[before]).mean()
            points = faces.landmarks[index]
            moved = np.linalg.norm(points[:, :2] - faces.landmarks[before, :, :2], axis=1).mean()
            alike = difference < ALIKE * max(float(thumbs[index].std()), 1.0)
            repeated[index] = alike and moved < STILL * eye_distance(points)
        if not repeated[index]:
            last[key] = index
    return repeated
