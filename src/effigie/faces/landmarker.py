"""Networks for 478 landmarks and 52 blendshapes of a face in a region of interest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.crop import Roi, apply_affine, crop, invert_affine
from effigie.faces.runtime import TFLiteModel

INPUT_SIZE = 256
LANDMARK_COUNT = 478
EYE_CORNERS = (33, 263)  # outer corners, image left and right

# The order of MediaPipe's blendshape model; ARKit's names.
# fmt: off
BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight",
    "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft",
    "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight",
    "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight",
)
# What the blendshape network reads, in its order (MediaPipe face_landmarker).
BLENDSHAPE_LANDMARKS = np.array(
    [
        0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78,
        80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152,
        153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246,
        249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312,
        314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381,
        382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472,
        473, 474, 475, 476, 477,
    ],
    dtype=np.intp,
)
# fmt: on


@dataclass(frozen=True)
class LandmarkResult:
    """(478, 3) landmarks in frame pixels (z in the same scale, smaller is nearer) and the network's presence 0..1."""

    landmarks: Landmarks
    presence: float

    def roi(self) -> Roi:
        """The square to look at in the next frame."""
        return landmarks_to_roi(self.landmarks)


def landmarks_to_roi(landmarks: Landmarks) -> Roi:
    """The square around (478, >= 2) landmarks, level with the eyes, half as large again."""
    points = landmarks[:, :2]
    left, right = points[EYE_CORNERS[0]], points[EYE_CORNERS[1]]
    angle = float(np.arctan2(right[1] - left[1], right[0] - left[0]))
    cosine, sine = np.cos(angle), np.sin(angle)
    axes = np.array([[cosine, -sine], [sine, cosine]])
    turned = points @ axes
    low, high = turned.min(0), turned.max(0)
    center = axes @ ((low + high) / 2)
    return Roi(float(center[0]), float(center[1]), float((high - low).max()) * 1.5, angle)


class LandmarkModel:
    """Face mesh with irises (MediaPipe), 4 ms a face on one core."""

    def __init__(self, threads: int = 1) -> None:
        self._model = TFLiteModel("face_landmarks_detector.tflite", threads)

    def __call__(self, image: Image, roi: Roi) -> LandmarkResult:
        matrix = roi.matrix(INPUT_SIZE)
        picture = crop(image, matrix, INPUT_SIZE).astype(np.float32) * np.float32(1 / 255)
        points, presence, _ = self._model(picture[None])
        inside = points.reshape(LANDMARK_COUNT, 3).astype(np.float64)
        landmarks = apply_affine(invert_affine(matrix), inside).astype(np.float32)
        return LandmarkResult(landmarks, float(1 / (1 + np.exp(-np.clip(presence.item(), -80, 80)))))


class BlendshapeModel:
    """52 expression coefficients in [0, 1] from landmarks (MediaPipe), 0.4 ms."""

    def __init__(self) -> None:
        self._model = TFLiteModel("face_blendshapes.tflite")

    def __call__(self, landmarks: Landmarks) -> np.ndarray:
        """(52,) float32 of (478, >= 2) landmarks in pixels, in the order of :data:`BLENDSHAPES`."""
        points = np.ascontiguousarray(landmarks[BLENDSHAPE_LANDMARKS, :2], dtype=np.float32)
        return self._model(points[None])[0].reshape(-1).copy()
