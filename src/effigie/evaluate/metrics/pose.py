"""Pose error: the angle between two heads' rotations.

Unit: degrees, 0 upwards. What fools it: the pose is fitted to landmarks of the canonical face, so that another shape of
nose or brow reads as a degree or two of turning; blur costs little, as with all landmarks.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from effigie.prior.frame_bank import FaceGeometry


def pose_error(made: FaceGeometry, truth: FaceGeometry) -> float:
    """Angle between the two heads' rotations, degrees."""
    turn = Rotation.from_matrix(made.pose.rotation @ truth.pose.rotation.T)
    return float(np.degrees(turn.magnitude()))
