"""Changes of pose and expression that filmed people made, to warp stills of other people by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from effigie.faces.align import CROP_CENTER_CM
from effigie.faces.mesh import AXIS_FLIP, LID_PAIRS, LOWER_LIP, UPPER_LIP, Pose
from effigie.heads.meta_learning.identity_dataset import IdentityDataset
from effigie.prior.frame_bank import FaceGeometry

MAX_MOMENTS = 1500  # kept, 6 KB each
EXPRESSION_STRENGTH = (0.5, 1.3)  # of the expression that is transferred
TURN_STRENGTH = (0.6, 1.8)  # of the head's turning: films of talkers hardly turn
MAX_TURN = 0.6  # radians from facing the camera; beyond, a still has nothing to show on one side
# Upper and lower lid of either eye, corner to corner: the rings of the mesh run corner, upper, corner, lower.


@dataclass(frozen=True)
class MotionBank:
    """Moments of filmed people, of which pairs are drawn: shapes, turns and blendshapes, no pictures.

    Attributes:
        actors: (M,) who and in which clip, by number, ascending; at least two moments each.
        unposed: (M, 478, 3) float32 landmarks in the canonical space, cm.
        rotations: (M, 3, 3) of their poses.
        blendshapes: (M, 52) in [0, 1].
    """

    actors: np.ndarray
    unposed: np.ndarray
    rotations: np.ndarray
    blendshapes: np.ndarray

    @classmethod
    def from_dataset(cls, dataset: IdentityDataset, max_moments: int = MAX_MOMENTS) -> MotionBank | None:
        """Motions of a dataset, at most ``max_moments``, of all its videos alike; None if nobody is filmed."""
        videos = [identity for identity in dataset.identities if identity.is_video]
        if not videos:
            return None
        if len(videos) > max_moments // 2:
            videos = [videos[i] for i in np.linspace(0, len(videos) - 1, max_moments // 2).astype(int)]
        actors, moments = [], []
        for number, identity in enumerate(videos):
            for index in np.unique(np.linspace(0, len(identity) - 1, max(2, max_moments // len(videos))).astype(int)):
                actors.append(number)
                moments.append((dataset.geometry(identity, index), dataset.blendshapes(identity, index)))
        return cls(
            np.array(actors),
            np.stack([geometry.unposed for geometry, _ in moments]).astype(np.float32),
            np.stack([geometry.pose.rotation for geometry, _ in moments]).astype(np.float32),
            np.stack([new_blendshapes for _, new_blendshapes in moments]),
        )

    def subsample(self, max_moments: int) -> MotionBank:
        """At most ``max_moments`` of the moments, in pairs of one actor."""
        firsts = np.flatnonzero(self.actors[:-1] == self.actors[1:])
        firsts = firsts[np.linspace(0, len(firsts) - 1, min(max_moments // 2, len(firsts))).astype(int)]
        rows = np.unique(np.concatenate([firsts, firsts + 1]))
        return MotionBank(self.actors[rows], self.unposed[rows], self.rotations[rows], self.blendshapes[rows])

    def transfer_motion(
        self, geometry: FaceGeometry, blendshapes: np.ndarray, random: np.random.Generator
    ) -> tuple[FaceGeometry, np.ndarray]:
        """A still's geometry and blendshapes (52,) as they would be after a change that somebody else made.

        The pixels are the same: the face stays where it is.
        """
        actor = random.choice(np.unique(self.actors))
        start, end = random.choice(np.flatnonzero(self.actors == actor), 2)
        strength = random.uniform(*EXPRESSION_STRENGTH)
        shape = resolve_crossings(geometry.unposed + strength * (self.unposed[end] - self.unposed[start]))
        turn = self.rotations[end] @ self.rotations[start].T
        vector = Rotation.from_matrix(turn).as_rotvec() * random.uniform(*TURN_STRENGTH)
        rotation = Rotation.from_rotvec(vector).as_matrix() @ geometry.pose.rotation
        rotation = limit_rotation(rotation)
        pose = rotate_about_center(geometry.pose, rotation)
        change = self.blendshapes[end] - self.blendshapes[start]
        new_blendshapes = np.clip(blendshapes + strength * change, 0, 1)
        return FaceGeometry(pose.apply(shape), pose, shape), new_blendshapes


def rotate_about_center(pose: Pose, rotation: np.ndarray) -> Pose:
    """The pose with another rotation, the middle of the head staying where it is."""
    center = pose.apply(CROP_CENTER_CM[None])[0]
    return Pose(rotation, pose.scale, center - pose.scale * rotation @ CROP_CENTER_CM)


def limit_rotation(rotation: np.ndarray) -> np.ndarray:
    """(3, 3) pose rotation, turned no farther from the camera than ``MAX_TURN``."""
    vector = Rotation.from_matrix(rotation @ AXIS_FLIP).as_rotvec()
    angle = float(np.linalg.norm(vector))
    if angle <= MAX_TURN:
        return rotation
    return Rotation.from_rotvec(vector * (MAX_TURN / angle)).as_matrix() @ AXIS_FLIP


def resolve_crossings(shape: np.ndarray) -> np.ndarray:
    """(478, 3) canonical landmarks, lips and lids that have passed through each other meeting halfway."""
    shape = shape.copy()
    for upper, lower in ((UPPER_LIP, LOWER_LIP), *LID_PAIRS):
        crossed = shape[upper, 1] < shape[lower, 1]  # y points up
        middle = (shape[upper] + shape[lower]) / 2
        shape[upper] = np.where(crossed[:, None], middle, shape[upper])
        shape[lower] = np.where(crossed[:, None], middle, shape[lower])
    return shape
