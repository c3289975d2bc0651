"""Detects faces in single pictures, with a second and a third attempt where the first finds none."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.faces.analyzer import Face, analyze
from effigie.faces.mesh import Pose
from effigie.faces.tracker import Tracker, TrackerSettings

# A drawn or painted face is hardly one to the landmark network.
LENIENT_SETTINGS = TrackerSettings(keep_threshold=0.15, accept_threshold=0.15)
BORDER_SHARE = 0.5  # of the larger side, added all round: detectors expect room around a face
MIN_SIDE = 256  # px, larger side of a picture below which it is enlarged to be looked at


@dataclass(frozen=True)
class _Still:
    image: Image


def find_faces(image: Image, tracker: Tracker | None = None, thorough: bool = True) -> tuple[list[Face], bool]:
    """Faces of one picture, largest first, and whether the networks are sure that these are faces.

    Args:
        image: (H, W, 3) uint8 RGB.
        tracker: brings its networks; what it remembers is forgotten. A fresh one by default.
        thorough: look again where nothing was found: larger, with a border, and for drawn and painted faces.
    """
    tracker = tracker or Tracker()
    if faces := _detect(image, tracker):
        return faces, True
    if not thorough:
        return [], True
    larger = max(1.0, MIN_SIDE / max(image.shape[:2]))
    for settings in (TrackerSettings(), LENIENT_SETTINGS):
        patient = Tracker(settings)
        for border in (0, round(BORDER_SHARE * larger * max(image.shape[:2]))):
            picture = cv2.resize(image, None, fx=larger, fy=larger, interpolation=cv2.INTER_CUBIC)
            picture = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)
            if faces := _detect(picture, patient):
                original_faces = [_undo_padding(face, border, larger) for face in faces]
                return original_faces, settings is not LENIENT_SETTINGS
    return [], True


def _detect(image: Image, tracker: Tracker) -> list[Face]:
    tracker.reset()
    (item,) = analyze([_Still(image)], tracker)
    return item.faces


def _undo_padding(face: Face, border: int, larger: float) -> Face:
    """A face found in an enlarged picture with a border, in px of the picture itself."""
    half, offset = np.array([0.5, 0.5, 0.0]), np.array([border, border, 0.0])
    landmarks = ((face.landmarks - offset + half) / larger - half).astype(np.float32)
    translation = (face.pose.translation - offset + half) / larger - half
    pose = Pose(face.pose.rotation, face.pose.scale / larger, translation)
    center = (face.placement[:2] - border + 0.5) / larger - 0.5
    placement = np.concatenate([center, [face.placement[2] - np.log(larger), face.placement[3]]])
    return replace(face, landmarks=landmarks, pose=pose, placement=placement)
