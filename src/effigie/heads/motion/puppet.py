"""A portrait under absolute controls, by themselves or over a driver's motion, frame by frame."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from effigie.faces.landmarker import BlendshapeModel
from effigie.faces.mesh import fit_pose
from effigie.heads.motion.control_template import ControlTemplate, add_controls
from effigie.heads.motion.face_controls import FaceControls
from effigie.heads.motion.face_rig import FaceRig
from effigie.heads.motion.motion import Motion
from effigie.heads.motion.retarget import Retargeter, compute_frame_shift

NO_PICTURE = (512, 512)  # px: a motion has the size of a picture


class Puppet:
    """Landmarks of a portrait that shows what a template says, one frame a call.

    Args:
        rig: of the portrait.
        template: what it is to show.
        seconds: (N,) times from the first frame.
        retarget: moves the portrait as a driver does, and has as many frames; None where there is no driver.
    """

    def __init__(
        self, rig: FaceRig, template: ControlTemplate, seconds: np.ndarray, retarget: Retargeter | None = None
    ) -> None:
        self.rig, self.template = rig, template
        self._seconds, self._retarget = seconds, retarget
        self._own = rig.pose.apply(rig.shape)

    def __len__(self) -> int:
        return len(self._seconds)

    def __call__(self, index: int) -> np.ndarray:
        """(478, 3) float32 landmarks in portrait px of a frame."""
        shape, pose = (self.rig.shape, self.rig.pose) if self._retarget is None else self._retarget.transfer(index)
        controls = self.template(float(self._seconds[index]))
        if self._retarget is not None and self.template.over == "add":
            controls = add_controls(self.rig.measure(shape, pose), controls)
        shape, pose = self.rig.set(shape, pose, controls)
        landmarks = pose.apply(shape)
        if self.rig.size is not None:
            landmarks[:, :2] += compute_frame_shift(landmarks, self._own, self.rig.size)
        return landmarks.astype(np.float32)

    def measure_blendshapes(self) -> np.ndarray:
        """(N, 52) float32 of all frames, as the network reads them from landmarks."""
        model = BlendshapeModel()
        return np.stack([model(self(index)) for index in range(len(self))])


def build_motion(template: ControlTemplate | FaceControls, rig: FaceRig) -> Motion:
    """A motion without a driver: what a template says, on a portrait's own face.

    Args:
        template: or controls, for a single frame.
        rig: of the portrait, as of :func:`effigie.heads.read_rig`.
    """
    if isinstance(template, FaceControls):
        template = ControlTemplate.still(template)
    times, step = template.times(), Fraction(1, template.rate)
    puppet = Puppet(rig, template, np.array([float(time) for time in times]))
    model, count = BlendshapeModel(), len(times)
    landmarks = [puppet(index) for index in range(count)]
    poses = [fit_pose(frame) for frame in landmarks]
    return Motion(
        times=times,
        durations=(step,) * count,
        present=np.ones(count, bool),
        rotation=np.stack([pose.rotation for pose in poses]),
        scale=np.array([pose.scale for pose in poses]),
        translation=np.stack([pose.translation for pose in poses]),
        unposed=np.stack(
            [pose.to_canonical(frame) for pose, frame in zip(poses, landmarks, strict=True)], dtype=np.float32
        ),
        blendshapes=np.stack([model(frame) for frame in landmarks]),
        neutral_frame=0,
        rate=Fraction(template.rate),
        size=rig.size or NO_PICTURE,
        time_base=step,
        own_rest=rig.rest,
    )
