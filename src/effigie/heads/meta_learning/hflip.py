"""Left and right exchanged: every person in training is two."""

from __future__ import annotations

from functools import cache

import numpy as np

from effigie.faces.mesh import canonical
from effigie.faceset.schema import BLENDSHAPES
from effigie.heads.meta_learning.identity_dataset import Shot
from effigie.prior.frame_bank import Geometry

# Centre, right, top, left and bottom of one iris become those of the other.
IRIS = {468: 473, 469: 476, 470: 475, 471: 474, 472: 477}


def mirrored(shot: Shot) -> Shot:
    """The shot as in a mirror."""
    width = shot.picture.shape[1]
    landmarks = shot.geometry.landmarks[opposite_landmarks()] * [-1, 1, 1] + [width - 1, 0, 0]
    return Shot(
        np.ascontiguousarray(shot.picture[:, ::-1]),
        Geometry.of(landmarks),
        shot.blendshapes[opposite_blendshapes()],
    )


@cache
def opposite_landmarks() -> np.ndarray:
    """(478,) which landmark lies where in the mirror; the canonical mesh is symmetric to the last digit."""
    vertices = canonical().vertices
    distance = np.linalg.norm(vertices[:, None] - vertices[None] * [-1, 1, 1], axis=2)
    both = IRIS | {right: left for left, right in IRIS.items()}
    return np.concatenate([distance.argmin(1), [both[index] for index in range(468, 478)]])


@cache
def opposite_blendshapes() -> np.ndarray:
    """(52,) likewise: left and right in their names exchanged."""
    exchange = {"Left": "Right", "Right": "Left"}
    names = []
    for name in BLENDSHAPES:
        side = next((side for side in exchange if name.endswith(side)), None)
        # mouthLeft and jawLeft end so too, and go to the other side as well.
        names.append(name if side is None else name.removesuffix(side) + exchange[side])
    return np.array([BLENDSHAPES.index(name) for name in names])
