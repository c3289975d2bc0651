"""The same face in other light, and with glasses drawn on: what the consent gate must not stumble over."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.faces.mesh import LEFT_EYE, RIGHT_EYE, eye_distance

FRAME, TINT = (25, 20, 20), 0.75  # colour of the frame, how much light the lenses let through
DARK, BRIGHT = 0.12, 1.4  # how much light falls on the two sides of the face
EDGE = 0.5  # width of the border between them, in distances between the eyes
WARM = np.array([1.12, 1.0, 0.78], np.float32)  # a lamp, after daylight


def relit(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB, lit by a warm lamp from the right: the face's left side lies in shadow.

    Args:
        landmarks: (478, >= 2) px.
    """
    middle, apart = float(landmarks[:, 0].mean()), eye_distance(landmarks)
    across = (np.arange(image.shape[1], dtype=np.float32) - middle) / (EDGE * apart)
    light = DARK + (BRIGHT - DARK) / (1 + np.exp(-2 * across))
    linear = (image.astype(np.float32) / 255) ** 2.2 * light[None, :, None] * WARM
    return (np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def with_glasses(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB with glasses drawn on: dark round frames, tinted lenses, a glint.

    Args:
        landmarks: (478, >= 2) px.
    """
    apart = eye_distance(landmarks)
    centers = [landmarks[eye, :2].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE)]
    tilt = float(np.degrees(np.arctan2(*(centers[1] - centers[0])[::-1])))
    size = (round(0.40 * apart), round(0.33 * apart))
    thick = max(2, round(0.07 * apart))
    drawn = image.copy()
    for center in centers:
        middle = (round(float(center[0])), round(float(center[1])))
        lens = np.zeros(image.shape[:2], np.uint8)
        cv2.ellipse(lens, middle, size, tilt, 0, 360, 255, -1, cv2.LINE_AA)
        cover = (lens[..., None] / 255.0) * (1 - TINT)
        drawn = (drawn * (1 - cover)).astype(np.uint8)
        glint = (round(middle[0] - 0.15 * apart), round(middle[1] - 0.1 * apart))
        cv2.ellipse(drawn, glint, (thick * 2, thick), tilt - 40, 0, 360, (235, 240, 245), -1, cv2.LINE_AA)
        cv2.ellipse(drawn, middle, size, tilt, 0, 360, FRAME, thick, cv2.LINE_AA)
    along = (centers[1] - centers[0]) / max(float(np.linalg.norm(centers[1] - centers[0])), 1e-6)
    inner = centers[0] + along * size[0], centers[1] - along * size[0]
    outer = centers[0] - along * size[0], centers[1] + along * size[0]
    temples = landmarks[127, :2], landmarks[356, :2]
    for start, end in (inner, (outer[0], temples[0]), (outer[1], temples[1])):
        cv2.line(drawn, np.rint(start).astype(int).tolist(), np.rint(end).astype(int).tolist(), FRAME, thick)
    return drawn
