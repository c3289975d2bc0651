"""The parts of a face that must meet exactly: lids, lips and irises, on (478, 3) unposed landmarks in cm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from effigie.faces.mesh import (
    INNER_LIPS,
    LEFT_EYE,
    LEFT_IRIS,
    LOWER_LIP,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_IRIS,
    SHUT_LIDS,
    UPPER_LIP,
    load_canonical_mesh,
)

MAX_OPENNESS = 1.6  # times its own open gap that an eye opens at most
SHUT_SHARE = 0.3  # of an eye's openness, from which down on its lids meet
UPPER_LID_SHARE = 0.9  # of a lid gap's change; the lower lid hardly moves
UPPER_LIP_SHARE = 0.35  # of a lip gap's change that is not the driver's own; jaw and lower lip move more
# Inner lip gap, cm, of a portrait whose mouth is shut (below) and of one whose teeth are seen (above).
SHUT_CM, PARTED_CM = 0.1, 0.35
LIP_REACH_CM = 0.8  # how far a lip's correction reaches into the skin above; the jaw takes up the rest below
JAW_REACH_CM = 4.5


@dataclass(frozen=True)
class EyeLandmarks:
    """Landmark indices of one eye: outer and inner corner, seven pairs of lid points, the iris from its centre on."""

    corners: tuple[int, int]
    upper: np.ndarray
    lower: np.ndarray
    iris: np.ndarray

    def width(self, shape: np.ndarray) -> float:
        """Between the corners, cm."""
        return float(np.linalg.norm(shape[self.corners[1]] - shape[self.corners[0]]))

    def opening(self, shape: np.ndarray) -> float:
        """Mean lid gap over width."""
        return float(np.linalg.norm(shape[self.upper] - shape[self.lower], axis=1).mean()) / self.width(shape)

    def gaze(self, shape: np.ndarray) -> np.ndarray:
        """(2,) where the iris' centre lies from the middle of the corners, along and across, in eye widths."""
        origin, along, across = self._axes(shape)
        offset = shape[self.iris[0]] - origin
        return np.array([offset @ along, offset @ across]) / self.width(shape)

    def set_gaze(self, shape: np.ndarray, own: np.ndarray, gaze: np.ndarray) -> None:
        """Put the iris of ``own`` where ``gaze`` says into the eye of ``shape``, in place."""
        origin, along, across = self._axes(shape)
        old_origin, old_along, old_across = self._axes(own)
        center = own[self.iris[0]] - old_origin
        depth = center - (center @ old_along) * old_along - (center @ old_across) * old_across
        placed = origin + depth + self.width(shape) * (gaze[0] * along + gaze[1] * across)
        shape[self.iris] = own[self.iris] - own[self.iris[0]] + placed

    def _axes(self, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Middle of the corners, unit vector from corner to corner, unit vector up from it in the face's plane."""
        first, last = shape[self.corners[0]], shape[self.corners[1]]
        along = (last - first) / max(float(np.linalg.norm(last - first)), 1e-6)
        across = np.array([0.0, 1.0, 0.0]) - along[1] * along
        return (first + last) / 2, along, across / np.linalg.norm(across)


def _build_eye(ring: np.ndarray, iris: np.ndarray) -> EyeLandmarks:
    # The rings begin at the outer corner and run over the upper lid to the inner one.
    return EyeLandmarks((int(ring[0]), int(ring[8])), ring[1:8], ring[:8:-1], iris)


EYE_LANDMARKS = (_build_eye(LEFT_EYE, LEFT_IRIS), _build_eye(RIGHT_EYE, RIGHT_IRIS))


def lip_gaps(shape: np.ndarray) -> np.ndarray:
    """(9, 3) from the lower inner lip to the upper, cm; y is negative where the network lets them overlap."""
    return shape[UPPER_LIP] - shape[LOWER_LIP]


def compute_openness(now: float, rest: float) -> float:
    """How open an eye is by its opening now and at rest: 0 closed, 1 as at rest."""
    return float(np.clip((now - SHUT_LIDS) / max(rest - SHUT_LIDS, 0.03), 0.0, MAX_OPENNESS))


def lid_share(openness: float, gap: float) -> float:
    """The share of its lid gap over width that an eye shows which is so open.

    As the network reads eyes: those half open have more than half the gap, for shut ones are read open too.
    """
    shut = min(SHUT_LIDS, gap)
    return (min(openness / SHUT_SHARE, 1.0) * shut + openness * (gap - shut)) / gap


def set_lids(shape: np.ndarray, own: np.ndarray, eye: EyeLandmarks, open_: float) -> None:
    """Make the lid gaps of ``shape`` those of ``own`` times ``open_``, in place."""
    gaps = open_ * (own[eye.upper] - own[eye.lower])
    change = gaps - (shape[eye.upper] - shape[eye.lower])
    shape[eye.upper] += UPPER_LID_SHARE * change
    shape[eye.lower] -= (1 - UPPER_LID_SHARE) * change


@cache
def region_weights() -> tuple[np.ndarray, np.ndarray]:
    """(478,), (478,): how much each landmark belongs to the eyes and to the mouth; the rest to neither.

    By height on the canonical face, softly: brows and lids above, lips, jaw and chin below, nose and cheeks between.
    """
    height = np.concatenate([load_canonical_mesh().vertices[:, 1], np.full(10, 3.0)])
    eyes, mouth = _smooth_step((height - 0.4) / 1.4), _smooth_step((-1.6 - height) / 1.4)
    return eyes, mouth


@dataclass(frozen=True)
class LipField:
    """How moving the inner lips takes lips, chin and skin along: two (478, 9) matrices of one face."""

    upper: np.ndarray
    lower: np.ndarray

    @classmethod
    def from_shape(cls, shape: np.ndarray) -> LipField:
        """Of a face's own unposed landmarks."""
        lips = np.unique(np.concatenate([INNER_LIPS, OUTER_LIPS]))
        middle = (shape[UPPER_LIP] + shape[LOWER_LIP]) / 2
        return cls(
            _lip_weights(shape, middle, UPPER_LIP, lips, LIP_REACH_CM, up=True),
            _lip_weights(shape, middle, LOWER_LIP, lips, JAW_REACH_CM, up=False),
        )

    def move(self, shape: np.ndarray, change: np.ndarray) -> None:
        """Change the gaps of ``shape`` by (9, 3) cm, in place."""
        shape += self.upper @ (UPPER_LIP_SHARE * change) - self.lower @ ((1 - UPPER_LIP_SHARE) * change)


def _lip_weights(
    shape: np.ndarray, middle: np.ndarray, inner: np.ndarray, lips: np.ndarray, reach: float, up: bool
) -> np.ndarray:
    """(478, 9) weights: across the mouth by nearness to the pairs, away from the lips fading within ``reach`` cm."""
    line = np.interp(shape[:, 0], middle[:, 0], middle[:, 1])
    beyond = (shape[:, 1] - line) if up else (line - shape[:, 1])
    across = np.exp(-0.5 * ((shape[:, :1] - middle[None, :, 0]) / 0.5) ** 2)
    # Beyond the corners the weights fade as well.
    width = middle[-1, 0] - middle[0, 0]
    past = np.maximum(np.abs(shape[:, 0] - middle[:, 0].mean()) - width / 2, 0.0)
    across *= (_smooth_step(1 - past / (0.5 * width)) / np.maximum(across.sum(1), 1e-9))[:, None]
    lip_height = np.abs(shape[np.intersect1d(lips, np.flatnonzero(beyond > 0)), 1] - middle[:, 1].mean())
    thick = float(lip_height.max()) if lip_height.size else 0.0
    fade = np.where(beyond >= 0, _smooth_step(1 - np.maximum(beyond - thick, 0) / reach), 0.0)
    weights = across * fade[:, None]
    # Lips that touch lie on the line: those of the other side must not come along, or the gap would stay as it is.
    weights[LOWER_LIP if up else UPPER_LIP] = 0
    weights[inner] = np.eye(len(inner))
    weights[[INNER_LIPS[0], INNER_LIPS[10], *LEFT_IRIS, *RIGHT_IRIS]] = 0
    return np.asarray(weights)


def _smooth_step(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 0.0, 1.0)
    return np.asarray(share * share * (3 - 2 * share))
