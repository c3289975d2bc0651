"""Named measures of a face, shared by filters, sorting, sheets and reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from effigie.errors import UsageError
from effigie.faceset.columns import Faces
from effigie.faceset.schema import BLENDSHAPES

# Indices into the 478-point face mesh: three pairs of points above each other, and the corners.
LIP_POINTS = ((82, 13, 312), (87, 14, 317), (61, 291))
EYE_POINTS = (((160, 159, 158), (144, 145, 153), (33, 133)), ((387, 386, 385), (373, 374, 380), (263, 362)))


@dataclass(frozen=True)
class Measure:
    """A named measure: the columns it reads, its function, and its meaning."""

    columns: tuple[str, ...]
    compute: Callable[[Faces], np.ndarray]
    meaning: str


def measure_mouth_opening(landmarks: np.ndarray) -> np.ndarray:
    """Inner lip gap over mouth width: landmarks (N, 478, 3) px -> (N,), 0 closed to about 1 wide open."""
    return _gap_ratio(landmarks, *LIP_POINTS)


def measure_eye_opening(landmarks: np.ndarray) -> np.ndarray:
    """Lid gap over eye width, mean of both eyes: landmarks (N, 478, 3) px -> (N,), 0 shut to about 0.4."""
    return (_gap_ratio(landmarks, *EYE_POINTS[0]) + _gap_ratio(landmarks, *EYE_POINTS[1])) / 2


def _gap_ratio(
    landmarks: np.ndarray, upper: tuple[int, ...], lower: tuple[int, ...], corners: tuple[int, int]
) -> np.ndarray:
    points = landmarks[..., :2]
    gap = np.linalg.norm(points[:, upper] - points[:, lower], axis=-1).mean(axis=1)
    width = np.linalg.norm(points[:, corners[0]] - points[:, corners[1]], axis=-1)
    return gap / np.maximum(width, 1e-6)


def _box_sizes(box: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(box[:, 2] - box[:, 0], 0) * np.maximum(box[:, 3] - box[:, 1], 0))


def _blendshape(name: str) -> Measure:
    index = BLENDSHAPES.index(name)
    return Measure(("blendshapes",), lambda faces: faces.blendshapes[:, index], f"blendshape {name}, 0..1")


_SMILES = [BLENDSHAPES.index(name) for name in ("mouthSmileLeft", "mouthSmileRight")]

MEASURES: dict[str, Measure] = {
    "clip": Measure(("clip",), lambda faces: faces.clip, "name of the clip"),
    "frame": Measure(("frame",), lambda faces: faces.frame, "frame index in the clip"),
    "time": Measure(("time_num", "time_den"), lambda faces: faces.time, "seconds into the clip"),
    "track": Measure(("track",), lambda faces: faces.track, "face followed over frames"),
    "cluster": Measure(("cluster",), lambda faces: faces.cluster, "person, 0 = most faces, -1 = unknown"),
    "identity": Measure(
        ("identity",),
        lambda faces: faces["identity"],
        "cosine distance to the main person, 0 = the same, 1 = another",
    ),
    "sharpness": Measure(
        ("sharpness",), lambda faces: faces.sharpness, "variance of the Laplacian of the crop"
    ),
    "confidence": Measure(("confidence",), lambda faces: faces.confidence, "presence score, 0..1"),
    "yaw": Measure(("pose",), lambda faces: faces.pose[:, 0], "degrees to the side"),
    "pitch": Measure(("pose",), lambda faces: faces.pose[:, 1], "degrees up and down"),
    "roll": Measure(("pose",), lambda faces: faces.pose[:, 2], "degrees in the picture plane"),
    "width": Measure(("box",), lambda faces: faces.box[:, 2] - faces.box[:, 0], "width of the box, px"),
    "height": Measure(("box",), lambda faces: faces.box[:, 3] - faces.box[:, 1], "height of the box, px"),
    "size": Measure(
        ("box",), lambda faces: _box_sizes(faces.box), "edge of the square as large as the box, px"
    ),
    "mouth": Measure(
        ("landmarks",), lambda faces: measure_mouth_opening(faces.landmarks), "mouth opening, 0..1"
    ),
    "eyes": Measure(
        ("landmarks",), lambda faces: measure_eye_opening(faces.landmarks), "eye opening, 0..0.4"
    ),
    "smile": Measure(
        ("blendshapes",),
        lambda faces: faces.blendshapes[:, _SMILES].mean(axis=1),
        "smile of both corners, 0..1",
    ),
    **{name: _blendshape(name) for name in BLENDSHAPES if not name.startswith("_")},
}


def get_measure(name: str) -> Measure:
    """The measure of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return MEASURES[name]
    except KeyError:
        known = ", ".join(key for key in MEASURES if key not in BLENDSHAPES)
        raise UsageError(
            f"unknown name {name!r}; known: {known}, and the blendshapes (jawOpen ...)"
        ) from None
