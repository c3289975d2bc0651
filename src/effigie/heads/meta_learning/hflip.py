"""Horizontal flip of shots: augmentation that doubles the people."""

from __future__ import annotations

from functools import cache

import numpy as np

from effigie.faces.mesh import load_canonical_mesh
from effigie.faceset.schema import BLENDSHAPES
from effigie.heads.meta_learning.identity_dataset import ReferenceShot
from effigie.prior.frame_bank import FaceGeometry

# Centre, right, top, left and bottom of one iris become those of the other.
IRIS_PAIRS = {468: 473, 469: 476, 470: 475, 471: 474, 472: 477}


def hflip_shot(shot: ReferenceShot) -> ReferenceShot:
    """The shot, flipped horizontally."""
    width = shot.picture.shape[1]
    landmarks = shot.geometry.landmarks[mirror_landmark_indices()] * [-1, 1, 1] + [width - 1, 0, 0]
    return ReferenceShot(
        np.ascontiguousarray(shot.picture[:, ::-1]),
        FaceGeometry.from_landmarks(landmarks),
        shot.blendshapes[mirror_blendshape_indices()],
    )


@cache
def mirror_landmark_indices() -> np.ndarray:
    """(478,) the index of each landmark's mirror image; the canonical mesh is symmetric to the last digit."""
    vertices = load_canonical_mesh().vertices
    distance = np.linalg.norm(vertices[:, None] - vertices[None] * [-1, 1, 1], axis=2)
    both = IRIS_PAIRS | {right: left for left, right in IRIS_PAIRS.items()}
    return np.concatenate([distance.argmin(1), [both[index] for index in range(468, 478)]])


@cache
def mirror_blendshape_indices() -> np.ndarray:
    """(52,) the index of each blendshape's mirror image: left and right in their names exchanged."""
    exchange = {"Left": "Right", "Right": "Left"}
    names = []
    for name in BLENDSHAPES:
        side = next((side for side in exchange if name.endswith(side)), None)
        # mouthLeft and jawLeft end so too, and go to the other side as well.
        names.append(name if side is None else name.removesuffix(side) + exchange[side])
    return np.array([BLENDSHAPES.index(name) for name in names])
