"""A person's frame bank: face geometries, features to compare frames by, a face profile, and occlusion.

Landmarks are compared person-relative: each person's own mean shape is subtracted, so that the same expression is
near on both faces, however different they are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields

import cv2
import numpy as np

from effigie.arrays import AffineMatrix, Embedding, Landmarks
from effigie.faces.crop import apply_affine
from effigie.faces.landmarker import BLENDSHAPES
from effigie.faces.mesh import (
    INNER_LIPS,
    LEFT_EYE,
    LOWER_LIP,
    MESH_VERTEX_COUNT,
    OPEN_LIDS,
    OUTER_LIPS,
    RIGHT_EYE,
    UPPER_LIP,
    Pose,
    eye_opening,
    fit_pose,
    middle_lip_gaps,
)
from effigie.faces.recognizer import normalize_embedding
from effigie.faces.warp import warp
from effigie.prior.expression_model import load_expressions

TEXTURE_SIZE = 64  # pixels; side of the frontal texture in which occlusion is looked for
# Centimetres that a radian of turning counts: the warp follows a turning head well, up to where a side is hidden.
ROTATION_WEIGHT = 2.5
MOUTH_VERTICES = np.unique(np.concatenate([INNER_LIPS, OUTER_LIPS]))
EYE_VERTICES = np.unique(np.concatenate([LEFT_EYE, RIGHT_EYE]))
SKIN_VERTICES = np.setdiff1d(
    np.arange(MESH_VERTEX_COUNT), np.concatenate([MOUTH_VERTICES, EYE_VERTICES])
)  # mouth and eyes get frames of their own
# Where somebody looks is no expression, and lids follow the gaze.
EXPRESSIVE = np.array(
    [i for i, name in enumerate(BLENDSHAPES) if not name.startswith(("_", "eyeLook", "eyeBlink"))], dtype=np.intp
)

UPPER_FACE = np.array([i for i, name in enumerate(BLENDSHAPES) if name.startswith(("brow", "cheek", "nose", "eyeSq"))])
LOWER_FACE = np.array([i for i, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth"))])


# What is clearly no calm face: blendshapes of this energy (sum of squares), and lips so far apart, cm. By blendshapes
# alone somebody who talks throughout is calmest with lips 0.5 to 0.9 cm apart (five people of nine), and a target's
# shut lips would be taken for those. By lips alone a grimace is calm.
EXPRESSIVE_ENERGY, PARTED_LIPS_CM = 0.5, 0.5
FILMED_FRAMES = 16  # fewer are photographs, and none of them may be calm
UPPER_LIP_SHARE = 0.35  # of a gap that is shut; the jaw does the rest
UPPER_LIP_REACH_CM, CHEEK_REACH_CM = 1.2, 3.0  # how far above the lips, and to either side, skin moves with them
# Between lips that are nearly shut and lips that are parted lies more than between open and wide open: the distance in
# the gap's logarithm, cm for a factor e, above a gap, cm, that is none.
LIP_GAP_WEIGHT, SHUT_LIPS_CM = 0.8, 0.06


@dataclass(frozen=True)
class FaceProfile:
    """One person's face: neutral shape, eyes and identity.

    Attributes:
        shape: (478, 3) neutral landmarks in the canonical space (cm).
        max_eye_opening: eye opening (lid gap over width) that this person's eyes seldom exceed.
        embedding: (128,) unit identity.
        neutral_blendshapes: (52,) of the neutral face; the network that measures them is not quite blind to identity.
    """

    shape: np.ndarray
    max_eye_opening: float
    embedding: Embedding
    neutral_blendshapes: np.ndarray


@dataclass(frozen=True)
class FaceGeometry:
    """A face's landmarks in crop pixels, split into pose and shape: ``landmarks = pose.apply(unposed)``."""

    landmarks: Landmarks
    pose: Pose
    unposed: np.ndarray

    @classmethod
    def from_landmarks(cls, landmarks: Landmarks) -> FaceGeometry:
        """From (478, 3) landmarks in any pixels."""
        pose = fit_pose(landmarks)
        return cls(landmarks, pose, pose.to_canonical(landmarks))

    @classmethod
    def from_frame_landmarks(cls, landmarks: Landmarks, matrix: AffineMatrix) -> FaceGeometry:
        """From (478, 3) landmarks in frame pixels, in the pixels of the crop that ``matrix`` (2, 3) maps to."""
        return cls.from_landmarks(apply_affine(matrix.astype(np.float64), landmarks))


def estimate_profile(
    geometries: list[FaceGeometry], blendshapes: np.ndarray, embeddings: Embedding, penalty: np.ndarray | None = None
) -> FaceProfile:
    """Estimate a person's neutral shape, eyes and identity from N of their frames.

    Two people's footage seldom shows the same mix of expressions, so that their average faces do not correspond:
    somebody who laughs throughout would be neutral laughing. The calmest frames do correspond, if calm is the same on
    everybody: lips that are shut. Of photographs, which often smile, the expression is taken out by what it does on
    others' faces.

    Args:
        blendshapes: (N, 52) in [0, 1].
        embeddings: (N, 128) unit.
        penalty: (N,) for frames that show less than the whole face; in units of :func:`measure_expression`.
    """
    energy = measure_expression(geometries, blendshapes)
    if penalty is not None:
        energy = energy + penalty
    neutral = np.argsort(energy)[: count_neutral(len(geometries))]
    shapes, expressions = np.stack([geometries[index].unposed for index in neutral]), blendshapes[neutral]
    if len(geometries) < FILMED_FRAMES:
        neutral_pairs = [load_expressions().remove_expression(*each) for each in zip(shapes, expressions, strict=True)]
        shapes, expressions = (np.stack(each) for each in zip(*neutral_pairs, strict=True))
    shape = shut_lips(np.median(shapes, axis=0))
    openings = [eye_opening(geometry.landmarks) for geometry in geometries]
    embedding = normalize_embedding(embeddings.mean(0))
    neutral_blendshapes = np.median(expressions, axis=0).astype(np.float32)
    return FaceProfile(shape, float(np.percentile(openings, 90)), embedding, neutral_blendshapes)


def measure_expression(geometries: list[FaceGeometry], blendshapes: np.ndarray) -> np.ndarray:
    """(N,) how far each frame is from a calm face: 0 for no expression and shut lips."""
    gaps = np.array([lip_gap(geometry.unposed) for geometry in geometries])
    energy = (blendshapes[:, EXPRESSIVE] ** 2).sum(1)
    return np.asarray((energy / EXPRESSIVE_ENERGY) ** 2 + (np.maximum(gaps, 0) / PARTED_LIPS_CM) ** 2)


def count_neutral(frames: int) -> int:
    """How many of a person's frames, the calmest, their neutral face is the median of."""
    return max(8, frames // 8)


def shut_lips(shape: Landmarks) -> Landmarks:
    """The unposed landmarks of a neutral face with its lips shut: of somebody who was never filmed so when calm."""
    gap = lip_gap(shape)
    if gap <= SHUT_LIPS_CM:
        return shape
    line = (shape[UPPER_LIP, 1] + shape[LOWER_LIP, 1]).mean() / 2
    aside = np.exp(-(((shape[:, 0] - shape[[13, 14], 0].mean()) / CHEEK_REACH_CM) ** 2))
    height = shape[:, 1] - line
    is_lower = height < 0
    is_lower[UPPER_LIP], is_lower[LOWER_LIP] = False, True
    falling = UPPER_LIP_SHARE * np.clip(1 - np.maximum(height, 0) / UPPER_LIP_REACH_CM, 0, 1)
    falling[UPPER_LIP] = UPPER_LIP_SHARE
    change = (gap - SHUT_LIPS_CM / 2) * aside * np.where(is_lower, 1 - UPPER_LIP_SHARE, -falling)
    change[[INNER_LIPS[0], INNER_LIPS[10], OUTER_LIPS[0], OUTER_LIPS[10]]] = 0  # the corners
    shut = shape.copy()
    shut[:, 1] += change
    return shut


def lip_gap(unposed: Landmarks) -> float:
    """Centimetres between the inner lips, near the middle, of unposed landmarks; about 0 where they are shut."""
    return float(middle_lip_gaps(unposed)[:, 1].mean())


@dataclass(frozen=True)
class FrameFeatures:
    """Features that frames are compared by, (N, D) each: the whole face, the mouth, the eyes. In centimetres."""

    face: np.ndarray
    mouth: np.ndarray
    eyes: np.ndarray

    def __getitem__(self, key: int | slice | np.ndarray) -> FrameFeatures:
        return FrameFeatures(self.face[key], self.mouth[key], self.eyes[key])


def compute_features(geometries: list[FaceGeometry], blendshapes: np.ndarray, person: FaceProfile) -> FrameFeatures:
    """Person-relative expression and pose of frames; blendshapes are (N, 52).

    Landmarks alone hardly see a frown, which wrinkles the skin more than it moves the brows: blendshapes do.
    """
    face, mouth, eyes = [], [], []
    for geometry, expression in zip(geometries, blendshapes - person.neutral_blendshapes, strict=True):
        relative = (geometry.unposed - person.shape)[:, :2]
        angles = geometry.pose.angles * (np.pi / 180) * np.array([1.0, 1.0, 0.3])
        gap = middle_lip_gaps(geometry.unposed)[:, :2]
        opening = eye_opening(geometry.landmarks) / person.max_eye_opening
        rotation = ROTATION_WEIGHT * angles
        face.append(np.concatenate([_rms(relative[SKIN_VERTICES]), 1.6 * expression[UPPER_FACE], rotation]))
        # The gap between the lips is compared as it is: closed is closed on everybody.
        parted = LIP_GAP_WEIGHT / np.sqrt(3) * np.log1p(np.maximum(gap[:, 1], 0) / SHUT_LIPS_CM)
        lips = [_rms(relative[MOUTH_VERTICES]), _rms(gap), parted]
        mouth.append(np.concatenate([*lips, 0.3 * expression[LOWER_FACE], 0.15 * rotation]))
        gaze = relative[[468, 473]] - relative[[*EYE_VERTICES]].reshape(2, -1, 2).mean(1)
        eyes.append(np.concatenate([[1.5 * opening], 0.7 * gaze.ravel(), 0.25 * rotation]))
    return FrameFeatures(np.stack(face), np.stack(mouth), np.stack(eyes))


def _rms(values: np.ndarray) -> np.ndarray:
    """Flat, and scaled so that the sum of squares is the mean square of the points."""
    return values.ravel() / np.sqrt(len(values))


@dataclass(frozen=True)
class FrameBank:
    """A person's frames: pictures, geometry in crop pixels, features, and a penalty (cm) for poor ones.

    Attributes:
        read: index -> (S, S, 3) uint8 RGB.
        geometries: one a frame.
        features: of all frames.
        penalty: (N,) centimetres added to every distance.
        digest: SHA-256 of frames and shape, where they lie in a folder: by it is kept what was measured of them.
    """

    read: Callable[[int], np.ndarray]
    geometries: list[FaceGeometry]
    features: FrameFeatures
    penalty: np.ndarray
    digest: str | None = None

    def shows_shut_eyes(self) -> bool:
        """Whether lids are shut, or nearly so, in any of the frames."""
        return min(eye_opening(geometry.landmarks) for geometry in self.geometries) < OPEN_LIDS

    def distances(self, region: str, target: np.ndarray) -> np.ndarray:
        """(N,) distance (cm) of every frame to the (D,) features ``target`` of a region."""
        features = getattr(self.features, region)
        # Without a copy of all features, and without BLAS, whose threads cost more than they save on a busy machine.
        squares = self._squares[region] - 2 * np.einsum("nd,d->n", features, target) + np.dot(target, target)
        return np.sqrt(np.maximum(squares, 0)) + self.penalty

    @functools.cached_property
    def _squares(self) -> dict[str, np.ndarray]:
        """(N,) squared lengths of the features of every region."""
        regions = {field.name: getattr(self.features, field.name) for field in fields(self.features)}
        return {name: np.einsum("nd,nd->n", values, values) for name, values in regions.items()}


def estimate_occlusion(
    read: Callable[[int], np.ndarray], geometries: list[FaceGeometry], person: FaceProfile
) -> np.ndarray:
    """(N,) share of each face that does not look like the same person's other frames: hands, cups, motion blur.

    Every frame is warped to one frontal shape and compared with the median of all. Mouth and eyes are left out:
    they are meant to change.

    Args:
        read: index -> (S, S, 3) uint8 RGB crop.
    """
    scale = TEXTURE_SIZE / 20.0
    frontal = person.shape * np.array([scale, -scale, -scale]) + np.array([TEXTURE_SIZE / 2, TEXTURE_SIZE / 2 - 1, 0])
    textures, masks = [], []
    for index, geometry in enumerate(geometries):
        warped = warp(read(index), geometry.landmarks, frontal, TEXTURE_SIZE)
        textures.append(cv2.cvtColor(cv2.GaussianBlur(warped.image, (0, 0), 1.0), cv2.COLOR_RGB2LAB))
        masks.append(warped.visibility > 0.5)
    stack = np.stack(textures).astype(np.float32)
    visible = np.stack(masks) & _rigid_region(frontal)
    # Light changes with the pose, over the whole face at once: not an occlusion.
    shift = np.stack([np.median(t[v], axis=0) if v.any() else np.zeros(3) for t, v in zip(stack, visible, strict=True)])
    stack -= shift[:, None, None]
    median = np.median(stack, axis=0)
    deviation = np.abs(stack - median).sum(-1)
    usual = np.median(deviation, axis=0)
    outliers = (deviation > 3 * usual + 12) & visible
    return outliers.sum((1, 2)) / np.maximum(visible.sum((1, 2)), 1)


def _rigid_region(frontal: np.ndarray) -> np.ndarray:
    region = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.uint8)
    cv2.fillConvexPoly(region, cv2.convexHull(frontal[:MESH_VERTEX_COUNT, :2].astype(np.int32)), 1)
    region = cv2.erode(region, np.ones((5, 5)))
    for part in (OUTER_LIPS, LEFT_EYE, RIGHT_EYE):
        hole = np.zeros_like(region)
        cv2.fillConvexPoly(hole, cv2.convexHull(frontal[part, :2].astype(np.int32)), 1)
        region[cv2.dilate(hole, np.ones((5, 5))) > 0] = 0
    return region > 0


def select_frames(features: FrameFeatures, penalty: np.ndarray, max_frames: int) -> np.ndarray:
    """Indices of at most ``max_frames`` frames: the good ones, spread over all poses and expressions.

    Args:
        features: of N candidate frames.
        penalty: (N,), 0 is best; farthest-point sampling shrinks the distance of poor frames by it.
    """
    points = np.concatenate([features.face, 0.7 * features.mouth, 0.5 * features.eyes], axis=1).astype(np.float32)
    quality = np.exp(-penalty)
    selection = [int(np.argmax(quality - 0.01 * np.linalg.norm(points - np.median(points, 0), axis=1)))]
    distance = np.full(len(points), np.inf, np.float32)
    while len(selection) < min(max_frames, len(points)):
        distance = np.minimum(distance, np.linalg.norm(points - points[selection[-1]], axis=1))
        selection.append(int(np.argmax(distance * quality)))
    return np.sort(np.array(selection))
