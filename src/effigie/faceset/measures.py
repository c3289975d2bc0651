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


def _each(measure: Callable[[np.ndarray], float], landmarks: np.ndarray) -> np.ndarray:
    return np.array([measure(points) for points in landmarks], np.float32)


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
        ("landmarks",), lambda faces: _each(mouth_opening, faces.landmarks), "mouth opening, 0..1"
    ),
    "eyes": Measure(("landmarks",), lambda faces: _each(eye_opening, faces.landmarks), "eye opening, 0..0.4"),
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
