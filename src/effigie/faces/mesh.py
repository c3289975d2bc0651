"""The canonical face mesh: its shape, its triangles, its named parts, and the pose of a face fitted to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.runtime import read_bundle_member
from effigie.io.protobuf import iterate_fields, iterate_submessages

MESH_VERTEX_COUNT = 468  # the mesh proper; landmarks 468..477 are the irises


def _points(numbers: str) -> np.ndarray:
    return np.array(numbers.split(), dtype=np.intp)


FACE_OVAL = _points(
    "10 338 297 332 284 251 389 356 454 323 361 288 397 365 379 378 400 377 152 148 176 149 150 136 172 58 "
    "132 93 234 127 162 21 54 103 67 109"
)
INNER_LIPS = _points("78 191 80 81 82 13 312 311 310 415 308 324 318 402 317 14 87 178 88 95")
OUTER_LIPS = _points("61 185 40 39 37 0 267 269 270 409 291 375 321 405 314 17 84 181 91 146")
UPPER_LIP, LOWER_LIP = INNER_LIPS[1:10], INNER_LIPS[:10:-1]  # pairs of the inner lips, corner to corner
MIDDLE_LIP_PAIRS = (np.array([82, 13, 312]), np.array([87, 14, 317]))  # of these, by which the mouth's opening goes
LEFT_EYE = _points("33 246 161 160 159 158 157 173 133 155 154 153 145 144 163 7")
RIGHT_EYE = _points("263 466 388 387 386 385 384 398 362 382 381 380 374 373 390 249")
# Of either eye: pairs of the upper and the lower lid from corner to corner, and the corners, the outer one first.
LID_PAIRS = tuple((ring[1:8], ring[:8:-1]) for ring in (LEFT_EYE, RIGHT_EYE))
EYE_CORNERS = tuple((int(ring[0]), int(ring[8])) for ring in (LEFT_EYE, RIGHT_EYE))
# Lid gap over eye width: the landmark network puts blinks at 0.01 to 0.06, eyes at rest at 0.25 to 0.35. Up to the
# first an eye is shut, from the second on it is open.
SHUT_LIDS, OPEN_LIDS = 0.05, 0.16
LEFT_BROW = _points("70 63 105 66 107 55 65 52 53 46")
RIGHT_BROW = _points("300 293 334 296 336 285 295 282 283 276")
# MediaPipe's fit also counts these two, 13 % of all weight, but they sink with the jaw: an opening mouth
# swelled the crop by 3 % (0.11 of scale a unit of mouth opening; 0.06 without them, with no more tremble).
JAW_VERTICES = (136, 365)
LEFT_IRIS, RIGHT_IRIS = np.arange(468, 473), np.arange(473, 478)


@dataclass(frozen=True)
class CanonicalMesh:
    """The neutral face that poses are fitted to: units are centimetres, y up, z toward the viewer.

    Attributes:
        vertices: (468, 3) float64.
        triangles: (898, 3) vertex indices.
        weights: (468,) how much each vertex counts in the fit; zero for all but 31 that hardly move with
            expression.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    weights: np.ndarray


@cache
def load_canonical_mesh() -> CanonicalMesh:
    """Read the mesh from the landmarker bundle (MediaPipe GeometryPipelineMetadata)."""
    message = read_bundle_member("geometry_pipeline_metadata_landmarks.binarypb")
    mesh = next(iterate_submessages(message, 1))
    buffer = np.frombuffer(b"".join(iterate_submessages(mesh, 3)), "<f4").reshape(MESH_VERTEX_COUNT, 5)
    indices = [value for number, value, _ in iterate_fields(mesh) if number == 4]
    weights = np.zeros(MESH_VERTEX_COUNT)
    for basis in iterate_submessages(message, 2):
        entry = {number: value for number, value, _ in iterate_fields(basis)}
        vertex, weight = entry.get(1, 0), entry[2]
        assert isinstance(vertex, int) and isinstance(weight, bytes)
        weights[vertex] = np.frombuffer(weight, "<f4")[0]
    weights[[*JAW_VERTICES]] = 0
    triangles = np.array(indices, dtype=np.intp).reshape(-1, 3)
    return CanonicalMesh(buffer[:, :3].astype(np.float64), triangles, weights)


@dataclass(frozen=True)
class Pose:
    """A weak-perspective pose: ``landmark = scale * rotation @ vertex + translation`` with y and z flipped.

    Attributes:
        rotation: (3, 3), vertex space (y up, z to the viewer) to the frame's (y down, z away), flips too.
        scale: pixels a canonical centimetre.
        translation: (3,) px; where the canonical origin lands.
    """

    rotation: np.ndarray
    scale: float
    translation: np.ndarray

    @property
    def angles(self) -> np.ndarray:
        """(3,) yaw, pitch, roll in degrees: yaw > 0 to the image's right, pitch > 0 down, roll > 0 clockwise.

        The head pitches first, then yaws, then rolls, so that turning the picture changes roll alone.
        """
        r = self.rotation * np.array([1.0, -1.0, -1.0])  # undo the flips: identity when facing the camera
        yaw = np.arctan2(r[2, 0], np.hypot(r[0, 0], r[1, 0]))
        pitch = np.arctan2(r[2, 1], r[2, 2])
        roll = np.arctan2(r[1, 0], r[0, 0])
        return np.degrees(np.array([yaw, pitch, roll])).astype(np.float32)

    def to_canonical(self, landmarks: Landmarks) -> np.ndarray:
        """(N, 3) frame landmarks in the canonical space."""
        return (landmarks - self.translation) @ self.rotation / self.scale

    def apply(self, vertices: np.ndarray) -> np.ndarray:
        """(N, 3) canonical vertices in frame pixels."""
        return self.scale * vertices @ self.rotation.T + self.translation


AXIS_FLIP = np.diag([1.0, -1.0, -1.0])


def fit_pose(landmarks: Landmarks, shape: np.ndarray | None = None) -> Pose:
    """Weighted orthogonal Procrustes of (>= 468, 3) landmarks to the canonical mesh, or to one's own ``shape``."""
    model = load_canonical_mesh()
    basis = np.flatnonzero(model.weights)
    weights = model.weights[basis] / model.weights.sum()
    source = (model.vertices if shape is None else shape)[basis]
    target = landmarks[basis].astype(np.float64)
    source_mean, target_mean = weights @ source, weights @ target
    a, b = source - source_mean, target - target_mean
    u, s, vt = np.linalg.svd((b * weights[:, None]).T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((s * sign).sum() / (weights @ (a**2).sum(1)))
    return Pose(rotation, scale, target_mean - scale * rotation @ source_mean)


def eye_distance(landmarks: Landmarks) -> float:
    """Pixels between the eyes' centres: the unit in which landmark errors are given."""
    left, right = landmarks[LEFT_EYE, :2].mean(0), landmarks[RIGHT_EYE, :2].mean(0)
    return float(np.hypot(*(right - left)))


def middle_lip_gaps(landmarks: Landmarks) -> np.ndarray:
    """(3, D) from the lower inner lip to the upper, near the middle, of (478, D) landmarks."""
    upper, lower = MIDDLE_LIP_PAIRS
    return np.asarray(landmarks[upper] - landmarks[lower])


def mouth_opening(landmarks: Landmarks) -> float:
    """Inner lip gap over mouth width, from (478, >= 2) landmarks."""
    gap = np.linalg.norm(middle_lip_gaps(landmarks)[:, :2], axis=1).mean()
    return float(gap / np.linalg.norm(landmarks[61, :2] - landmarks[291, :2]))


def eye_opening(landmarks: Landmarks) -> float:
    """Lid gap over eye width, mean of both eyes, from (478, >= 2) landmarks."""
    ratios = []
    for upper, lower, corners in (
        ((160, 159, 158), (144, 145, 153), (33, 133)),
        ((387, 386, 385), (373, 374, 380), (263, 362)),
    ):
        gap = np.linalg.norm(landmarks[list(upper), :2] - landmarks[list(lower), :2], axis=1).mean()
        ratios.append(gap / np.linalg.norm(landmarks[corners[0], :2] - landmarks[corners[1], :2]))
    return float(np.mean(ratios))
