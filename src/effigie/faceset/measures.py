"""Named measures of a face, shared by filters, sorting, sheets and reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from effigie.errors import UsageError
from effigie.faces.mesh import eye_opening, mouth_opening
from effigie.faceset.columns import Faces
from effigie.faceset.schema import BLENDSHAPES


@dataclass(frozen=True)
class Measure:
    """A named measure: the columns it reads, its function, and its meaning."""

    columns: tuple[str, ...]
    compute: Callable[[Faces], np.ndarray]
    meaning: str


def _box_sizes(box: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(box[:, 2] - box[:, 0], 0) * np.maximum(box[:, 3] - box[:, 1], 0))


def _column(name: str, meaning: str) -> Measure:
    return Measure((name,), lambda faces: faces[name], meaning)


def _angle(axis: int, meaning: str) -> Measure:
    return Measure(("pose",), lambda faces: faces.pose[:, axis], meaning)


def _box(measure: Callable[[np.ndarray], np.ndarray], meaning: str) -> Measure:
    return Measure(("box",), lambda faces: measure(faces.box), meaning)


def _opening(measure: Callable[[np.ndarray], float], meaning: str) -> Measure:
    return Measure(
        ("landmarks",), lambda faces: np.array([measure(points) for points in faces.landmarks], np.float32), meaning
    )


def _blendshape(name: str) -> Measure:
    index = BLENDSHAPES.index(name)
    return Measure(("blendshapes",), lambda faces: faces.blendshapes[:, index], f"blendshape {name}, 0..1")


_SMILES = [BLENDSHAPES.index(name) for name in ("mouthSmileLeft", "mouthSmileRight")]

MEASURES: dict[str, Measure] = {
    "clip": _column("clip", "name of the clip"),
    "frame": _column("frame", "frame index in the clip"),
    "time": Measure(("time_num", "time_den"), lambda faces: faces.time, "seconds into the clip"),
    "track": _column("track", "face followed over frames"),
    "cluster": _column("cluster", "person, 0 = most faces, -1 = unknown"),
    "identity": _column("identity", "cosine distance to the main person, 0 = the same, 1 = another"),
    "sharpness": _column("sharpness", "variance of the Laplacian of the crop"),
    "confidence": _column("confidence", "presence score, 0..1"),
    "yaw": _angle(0, "degrees to the side"),
    "pitch": _angle(1, "degrees up and down"),
    "roll": _angle(2, "degrees in the picture plane"),
    "width": _box(lambda box: box[:, 2] - box[:, 0], "width of the box, px"),
    "height": _box(lambda box: box[:, 3] - box[:, 1], "height of the box, px"),
    "size": _box(_box_sizes, "edge of the square as large as the box, px"),
    "mouth": _opening(mouth_opening, "mouth opening, 0..1"),
    "eyes": _opening(eye_opening, "eye opening, 0..0.4"),
    "smile": Measure(
        ("blendshapes",), lambda faces: faces.blendshapes[:, _SMILES].mean(axis=1), "smile of both corners, 0..1"
    ),
    **{name: _blendshape(name) for name in BLENDSHAPES if not name.startswith("_")},
}


def get_measure(name: str) -> Measure:
    if name not in MEASURES:
        choices = ", ".join(key for key in MEASURES if key not in BLENDSHAPES)
        raise UsageError(f"unknown name {name!r}; known: {choices}, and the blendshapes (jawOpen ...)")
    return MEASURES[name]
