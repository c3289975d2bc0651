"""Continuity: whether a clip was filmed in one go, or put together from pieces that were filmed for something else."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.granting.performance import Performance

SCENE_SIGMA = 4.0  # px: what is slower is light, and a webcam changes its exposure from one frame to the next
CROP_SIZE = 96  # px
MIN_CONTRAST = 3.0  # levels
NEIGHBORS = 5  # frames on either side that a change is compared with
LEAST_CHANGE = 0.02  # 1 minus a correlation: less is noise


def measure_jumps(performance: Performance) -> np.ndarray:
    """(N,) how much more frame and face change at each frame than around it: the geometric mean of both ratios.

    In footage in one go 3 at most, with a webcam's stalls and changes of exposure; where two pieces meet 4 and more.
    The second largest change nearby is what one is compared with: a cut has one such change, a motion has many.
    """
    scenes = [_flatten_light(scene) for scene in performance.scene]
    faces = [
        None if view is None else _flatten_light(cv2.resize(view.crop, (CROP_SIZE,) * 2, interpolation=cv2.INTER_AREA))
        for view in performance.views
    ]
    return np.sqrt(_stand_out(_changes(scenes)) * _stand_out(_changes(faces)))


def _changes(pictures: list[np.ndarray] | list[np.ndarray | None]) -> np.ndarray:
    """(N,) 1 minus the correlation of each picture with the one before; 0 for the first and where one is missing."""
    changes = np.zeros(len(pictures))
    for index in range(1, len(pictures)):
        previous, now = pictures[index - 1], pictures[index]
        if previous is not None and now is not None:
            changes[index] = 1 - np.corrcoef(previous.ravel(), now.ravel())[0, 1]
    return np.nan_to_num(changes)


def _stand_out(changes: np.ndarray) -> np.ndarray:
    scores = np.zeros(len(changes))
    for index in range(1, len(changes)):
        neighbors = np.concatenate(
            [changes[max(1, index - NEIGHBORS) : index], changes[index + 1 : index + 1 + NEIGHBORS], np.zeros(2)]
        )
        scores[index] = changes[index] / max(np.sort(neighbors)[-2], LEAST_CHANGE)
    return scores


def _flatten_light(picture: np.ndarray) -> np.ndarray:
    gray = picture.astype(np.float32)
    change = gray - cv2.GaussianBlur(gray, (0, 0), SCENE_SIGMA)
    return np.asarray(change / np.sqrt(cv2.GaussianBlur(change * change, (0, 0), SCENE_SIGMA) + MIN_CONTRAST**2))
