"""Synthetic motions of a driver, exactly known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from effigie.faces.mesh import fit_pose
from effigie.heads.motion.motion import Motion


def build_motion(landmarks, neutral_frame=0, rate=25, present=None, size=(640, 360)):
    """The motion of (N, 478, 3) landmarks in px, one frame after the other."""
    poses = [fit_pose(frame) for frame in landmarks]
    count = len(landmarks)
    return Motion(
        times=tuple(Fraction(index, rate) for index in range(count)),
        durations=(Fraction(1, rate),) * count,
        present=np.ones(count, bool) if present is None else np.asarray(present),
        rotation=np.stack([pose.rotation for pose in poses]),
        scale=np.array([pose.scale for pose in poses]),
        translation=np.stack([pose.translation for pose in poses]),
        unposed=np.stack(
            [pose.to_canonical(frame) for pose, frame in zip(poses, landmarks, strict=True)], dtype=np.float32
        ),
        blendshapes=np.zeros((count, 52), np.float32),
        neutral_frame=neutral_frame,
        rate=Fraction(rate),
        size=size,
        time_base=Fraction(1, 12800),
    )
