"""Expression error: of the landmarks once both heads' poses are taken out.

Unit: mean distance of the 468 mesh points, a share of the distance between the eyes; 0 is the same shape.

What fools it: two people's faces differ in shape, so that the right expression on another face is not 0; made and true
faces that share a shape (the mesh prior keeps part of the target's) score better than ones that take on the source's
whole. A tracker puts a whole plausible face into a featureless blur, a calm one: read it with mouth and eye movement.
"""

from __future__ import annotations

import numpy as np

from effigie.faces.mesh import MESH_VERTEX_COUNT, eye_distance
from effigie.prior.frame_bank import FaceGeometry


def expression_error(made: FaceGeometry, truth: FaceGeometry) -> float:
    """Mean distance of the mesh points once either head's pose is taken out, as a share of the eye distance."""
    distance = np.linalg.norm(
        made.unposed[:MESH_VERTEX_COUNT, :2] - truth.unposed[:MESH_VERTEX_COUNT, :2], axis=1
    )
    return float(distance.mean() / max(eye_distance(truth.unposed), 1e-6))
