"""Anchor of a mark: where a face's frame of reference lies in a picture, and how strongly each place of it is marked.

The frame of reference is that of the face's crop (:func:`effigie.faces.align.compute_placement`): centimetres of the
canonical head, x to the right and y down, with the middle of the crop at 0 and the skull upright.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.arrays import Landmarks
from effigie.faces.align import CROP_SIDE_CM, compute_placement
from effigie.faces.mesh import fit_pose

Plane = NDArray[np.float32]

INNER_CM, OUTER_CM = 15.0, 19.0
"""From the middle: full strength up to the first, nothing beyond the second."""
NEAR_GAIN, FAR_GAIN = 1.2, 0.5  # around the face, up to NEAR_CM and from INNER_CM on: cutting leaves what is near
NEAR_CM = 12.0
FACE_GAIN = 0.5  # inside the face, whose likeness the mark must not cost
FEATURE_GAIN = 0.0  # at eyes, brows, nose and lips, by which a recogniser goes
EDGE_CM = 0.6  # deviation of the soft edges between these

# Ellipses (x, y, half width, half height) in centimetres of a head that looks into the camera.
_FACE = (0.0, 0.5, 8.2, 10.0)
_FEATURES = ((-3.3, -3.2, 2.6, 2.2), (3.3, -3.2, 2.6, 2.2), (0.0, 0.0, 2.0, 3.2), (0.0, 4.6, 3.2, 1.9))


@dataclass(frozen=True)
class Anchor:
    """Where a face's frame of reference lies: its origin in pixels, pixels a centimetre, and its turn in radians."""

    x: float
    y: float
    scale: float
    angle: float

    @classmethod
    def from_placement(cls, placement: NDArray[np.floating]) -> Anchor:
        """The anchor of (4,) :func:`effigie.faces.align.compute_placement`."""
        x, y, side, angle = (float(value) for value in placement)
        return cls(x, y, float(np.exp(side)) / CROP_SIDE_CM, angle)

    def resize(self, factor: float) -> Anchor:
        """The anchor in the same picture, every side times ``factor``."""
        return Anchor(self.x * factor, self.y * factor, self.scale * factor, self.angle)

    def matrix(self) -> NDArray[np.float64]:
        """(2, 3) from centimetres to pixels, the middle of the first pixel being (0.5, 0.5)."""
        along, across = self.scale * np.cos(self.angle), self.scale * np.sin(self.angle)
        return np.array([[along, -across, self.x], [across, along, self.y]])


def measure_anchor(landmarks: Landmarks) -> Anchor:
    """The anchor of a face with (478, 3) landmarks in pixels."""
    return Anchor.from_placement(compute_placement(fit_pose(landmarks)))


@functools.cache
def render_gain(side: int, per_cm: float) -> Plane:
    """(side, side) float32 of 0 to NEAR_GAIN: the share of its strength that the mark has around a face."""
    places = (np.arange(side, dtype=np.float32) + 0.5 - side / 2) / np.float32(per_cm)
    x, y = places[None], places[:, None]
    far = np.clip((np.hypot(x, y) - NEAR_CM) / (INNER_CM - NEAR_CM), 0, 1)
    gain = np.where(_inside(_FACE, x, y), np.float32(FACE_GAIN), NEAR_GAIN + (FAR_GAIN - NEAR_GAIN) * far)
    for ellipse in _FEATURES:
        gain = np.where(_inside(ellipse, x, y), np.float32(FEATURE_GAIN), gain)
    soft = cv2.GaussianBlur(gain.astype(np.float32), (0, 0), EDGE_CM * per_cm)
    return np.ascontiguousarray(soft * render_window(side, per_cm), np.float32)


@functools.cache
def render_face(side: int, per_cm: float) -> Plane:
    """(side, side) float32 of 0 to 1: 1 inside the face."""
    places = (np.arange(side, dtype=np.float32) + 0.5 - side / 2) / np.float32(per_cm)
    inside = _inside(_FACE, places[None], places[:, None]).astype(np.float32)
    return np.ascontiguousarray(cv2.GaussianBlur(inside, (0, 0), EDGE_CM * per_cm), np.float32)


@functools.cache
def render_window(side: int, per_cm: float) -> Plane:
    """(side, side) float32 of 0 to 1: 1 where the face's mark replaces that of the frame."""
    places = (np.arange(side, dtype=np.float32) + 0.5 - side / 2) / np.float32(per_cm)
    share = (OUTER_CM - np.hypot(places[None], places[:, None])) / (OUTER_CM - INNER_CM)
    share = np.clip(share, 0, 1)
    return np.ascontiguousarray(share * share * (3 - 2 * share), np.float32)


def _inside(ellipse: tuple[float, float, float, float], x: Plane, y: Plane) -> NDArray[np.bool_]:
    across, down, wide, high = ellipse
    return np.asarray(((x - across) / wide) ** 2 + ((y - down) / high) ** 2 <= 1)
