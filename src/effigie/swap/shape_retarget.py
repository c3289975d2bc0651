"""Shape retargeting: from the target's measured face to the geometry that the source's face is rendered in."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from effigie.faces.mask import MaskMargin
from effigie.faces.mesh import (
    FACE_OVAL,
    LEFT_EYE,
    LEFT_IRIS,
    LOWER_LIP,
    MESH_VERTEX_COUNT,
    RIGHT_EYE,
    RIGHT_IRIS,
    UPPER_LIP,
    load_canonical_mesh,
)
from effigie.prior.frame_bank import FaceGeometry, FaceProfile
from effigie.prior.openings import close_lids

MASK_MARGIN = MaskMargin(top=0.16, side=0.07, jaw=0.02)  # the hairline belongs to a face as much as its skin does
SHAPE_STRENGTH = 0.75  # how much of the source's own facial shape the result takes on inside the face
OUTLINE_STRENGTH = 0.4  # of that, how much at the outline, where the head around it stays the target's


@dataclass(frozen=True)
class ShapeRetarget:
    """Keeps the target's pose and expression, and adds a part of the source's shape.

    Identity lies in shape as well as in texture: measured on four pairs with the warp alone, 0.6 raises the cosine
    to the source by 0.03 to 0.06 and costs 1 to 1.5 % of the eye distance in landmark error.
    """

    shift: np.ndarray

    @classmethod
    def from_profiles(cls, target: FaceProfile, source: FaceProfile, amount: float = SHAPE_STRENGTH) -> ShapeRetarget:
        """From the target person's shape toward the source person's."""
        shift = amount * (source.shape - target.shape) * compute_inner_weights()[:, None]
        # How far lids and lips are open is the target's: eyes move as a whole, lips as pairs.
        for eye, iris in ((LEFT_EYE, LEFT_IRIS), (RIGHT_EYE, RIGHT_IRIS)):
            whole = np.concatenate([eye, iris])
            shift[whole] = shift[eye].mean(0)
        pairs = np.stack([UPPER_LIP, LOWER_LIP])
        shift[pairs] = shift[pairs].mean(0)
        return cls(shift)

    def __call__(self, geometry: FaceGeometry) -> np.ndarray:
        """(478, 3) landmarks in the pixels of ``geometry``."""
        return close_lids(geometry.pose.apply(geometry.unposed + self.shift))


@functools.cache
def compute_inner_weights() -> np.ndarray:
    """(478,) 1 inside the face, falling to ``OUTLINE_STRENGTH`` at the face oval."""
    vertices = load_canonical_mesh().vertices[:, :2]
    oval = vertices[FACE_OVAL]
    distance = np.linalg.norm(vertices[:, None] - oval[None], axis=2).min(1)
    weight = OUTLINE_STRENGTH + (1 - OUTLINE_STRENGTH) * np.clip(distance / 3.0, 0, 1)
    weights = np.concatenate([weight, np.ones(478 - MESH_VERTEX_COUNT)])
    weights.flags.writeable = False
    return weights
