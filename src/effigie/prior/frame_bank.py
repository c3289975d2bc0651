"""The source frames that are kept for warping, and what is known about either person.

Landmarks are compared person-relative: each person's own mean shape is subtracted, so that the same expression is
near on both faces, however different they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from effigie.faces.crop import apply_affine
from effigie.faces.landmarker import BLENDSHAPES
from effigie.faces.mesh import (
    INNER_LIPS,
    LEFT_EYE,
    OUTER_LIPS,
    RIGHT_EYE,
    VERTICES,
    Pose,
    eye_opening,
    fit_pose,
)
from effigie.faces.recognizer import unit
from effigie.faces.warp import warp

TEXTURE = 64  # pixels; side of the frontal texture in which occlusion is looked for
# Centimetres that a radian of turning counts: the warp follows a turning head well, up to where a side is hidden.
TURNING = 2.5
MOUTH = np.unique(np.concatenate([INNER_LIPS, OUTER_LIPS]))
EYES = np.unique(np.concatenate([LEFT_EYE, RIGHT_EYE]))
REST = np.setdiff1d(
    np.arange(VERTICES), np.concatenate([MOUTH, EYES])
)  # mouth and eyes get frames of their own
# Where somebody looks is no expression, and lids follow the gaze.
EXPRESSIVE = np.array(
    [i for i, name in enumerate(BLENDSHAPES) if not name.startswith(("_", "eyeLook", "eyeBlink"))],
    dtype=np.intp,
)

UPPER = np.array(
    [i for i, name in enumerate(BLENDSHAPES) if name.startswith(("brow", "cheek", "nose", "eyeSq"))]
)
LOWER = np.array([i for i, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth"))])


@dataclass(frozen=True)
class Person:
    """What is known about one person's face.

    Attributes:
        shape: (478, 3) neutral landmarks in the canonical space (cm).
        open_eye: eye opening (lid gap over width) that this person's eyes seldom exceed.
        embedding: (128,) unit identity.
        calm: (52,) blendshapes of the calm face; the network that measures them is not quite blind to identity.
    """

    shape: np.ndarray
    open_eye: float
    embedding: np.ndarray
    calm: np.ndarray


@dataclass(frozen=True)
class Geometry:
    """A face's shape in crop pixels, taken apart: ``landmarks = pose.apply(unposed)``."""

    landmarks: np.ndarray
    pose: Pose
    unposed: np.ndarray

    @classmethod
    def of(cls, landmarks: np.ndarray) -> Geometry:
        """Of (478, 3) landmarks in any pixels."""
        pose = fit_pose(landmarks)
        return cls(landmarks, pose, pose.unpose(landmarks))

    @classmethod
    def in_crop(cls, landmarks: np.ndarray, matrix: np.ndarray) -> Geometry:
        """Of (478, 3) landmarks in frame pixels, in those of the crop that ``matrix`` (2, 3) cuts."""
        return cls.of(apply_affine(matrix.astype(np.float64), landmarks))


def describe(geometries: list[Geometry], blendshapes: np.ndarray, embeddings: np.ndarray) -> Person:
    """A person's neutral shape, eyes and identity from N of their frames.

    Two people's footage seldom shows the same mix of expressions, so that their average faces do not correspond:
    somebody who laughs throughout would be neutral laughing. The calmest frames do correspond.

    Args:
        blendshapes: (N, 52) in [0, 1].
        embeddings: (N, 128) unit.
    """
    calm = np.argsort((blendshapes[:, EXPRESSIVE] ** 2).sum(1))[: max(8, len(geometries) // 8)]
    shape = np.median(np.stack([geometries[index].unposed for index in calm]), axis=0)
    openings = [eye_opening(geometry.landmarks) for geometry in geometries]
    embedding = unit(embeddings.mean(0))
    still = np.median(blendshapes[calm], axis=0).astype(np.float32)
    return Person(shape, float(np.percentile(openings, 90)), embedding, still)


@dataclass(frozen=True)
class Features:
    """What frames are compared by, (N, D) each: the whole face, the mouth, the eyes. Units are centimetres."""

    face: np.ndarray
    mouth: np.ndarray
    eyes: np.ndarray

    def __getitem__(self, key: int | slice | np.ndarray) -> Features:
        return Features(self.face[key], self.mouth[key], self.eyes[key])


def features(geometries: list[Geometry], blendshapes: np.ndarray, person: Person) -> Features:
    """Person-relative expression and pose of frames; blendshapes are (N, 52).

    Landmarks alone hardly see a frown, which wrinkles the skin more than it moves the brows: blendshapes do.
    """
    face, mouth, eyes = [], [], []
    for geometry, shown in zip(geometries, blendshapes - person.calm, strict=True):
        relative = (geometry.unposed - person.shape)[:, :2]
        angles = geometry.pose.angles * (np.pi / 180) * np.array([1.0, 1.0, 0.3])
        gap = geometry.unposed[[82, 13, 312], :2] - geometry.unposed[[87, 14, 317], :2]
        opening = eye_opening(geometry.landmarks) / person.open_eye
        turned = TURNING * angles
        face.append(np.concatenate([_rms(relative[REST]), 1.6 * shown[UPPER], turned]))
        # The gap between the lips is compared as it is: closed is closed on everybody.
        mouth.append(np.concatenate([_rms(relative[MOUTH]), _rms(gap), 0.3 * shown[LOWER], 0.25 * turned]))
        gaze = relative[[468, 473]] - relative[[*EYES]].reshape(2, -1, 2).mean(1)
        eyes.append(np.concatenate([[1.5 * opening], 0.7 * gaze.ravel(), 0.25 * turned]))
    return Features(np.stack(face), np.stack(mouth), np.stack(eyes))


def _rms(values: np.ndarray) -> np.ndarray:
    """Flat, and scaled so that the sum of squares is the mean square of the points."""
    return values.ravel() / np.sqrt(len(values))


def occlusion(read: Callable[[int], np.ndarray], geometries: list[Geometry], person: Person) -> np.ndarray:
    """(N,) share of each face that does not look like the same person's other frames: hands, cups, motion blur.

    Every frame is warped to one frontal shape and compared with the median of all. Mouth and eyes are left out:
    they are meant to change.

    Args:
        read: index -> (S, S, 3) uint8 RGB crop.
    """
    scale = TEXTURE / 20.0
    frontal = person.shape * np.array([scale, -scale, -scale]) + np.array([TEXTURE / 2, TEXTURE / 2 - 1, 0])
    textures, seen = [], []
    for index, geometry in enumerate(geometries):
        warped = warp(read(index), geometry.landmarks, frontal, TEXTURE)
        textures.append(cv2.cvtColor(cv2.GaussianBlur(warped.image, (0, 0), 1.0), cv2.COLOR_RGB2LAB))
        seen.append(warped.validity > 0.5)
    stack = np.stack(textures).astype(np.float32)
    visible = np.stack(seen) & _still_region(frontal)
    # Light changes with the pose, over the whole face at once: not an occlusion.
    shift = np.stack(
        [np.median(t[v], axis=0) if v.any() else np.zeros(3) for t, v in zip(stack, visible, strict=True)]
    )
    stack -= shift[:, None, None]
    median = np.median(stack, axis=0)
    deviation = np.abs(stack - median).sum(-1)
    usual = np.median(deviation, axis=0)
    strange = (deviation > 3 * usual + 12) & visible
    return strange.sum((1, 2)) / np.maximum(visible.sum((1, 2)), 1)


def _still_region(frontal: np.ndarray) -> np.ndarray:
    region = np.zeros((TEXTURE, TEXTURE), np.uint8)
    cv2.fillConvexPoly(region, cv2.convexHull(frontal[:VERTICES, :2].astype(np.int32)), 1)
    region = cv2.erode(region, np.ones((5, 5)))
    for part in (OUTER_LIPS, LEFT_EYE, RIGHT_EYE):
        hole = np.zeros_like(region)
        cv2.fillConvexPoly(hole, cv2.convexHull(frontal[part, :2].astype(np.int32)), 1)
        region[cv2.dilate(hole, np.ones((5, 5))) > 0] = 0
    return region > 0


def choose(found: Features, quality: np.ndarray, most: int) -> np.ndarray:
    """Indices of at most ``most`` frames: the good ones, spread over all poses and expressions.

    Args:
        found: of N candidate frames.
        quality: (N,) penalty, 0 is best; farthest-point sampling shrinks the distance of poor frames by it.
    """
    points = np.concatenate([found.face, 0.7 * found.mouth, 0.5 * found.eyes], axis=1).astype(np.float32)
    worth = np.exp(-quality)
    chosen = [int(np.argmax(worth - 0.01 * np.linalg.norm(points - np.median(points, 0), axis=1)))]
    distance = np.full(len(points), np.inf, np.float32)
    while len(chosen) < min(most, len(points)):
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(distance * worth)))
    return np.sort(np.array(chosen))
