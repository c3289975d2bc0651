"""Renderers of the frames of an animation: geometry alone, or a network on top of it."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from effigie.faces.mesh import FACE_OVAL
from effigie.heads.warp.scene import WarpedPortrait

FACE_MARGIN = 0.06  # of the face's width, beyond its outline


class FrameRenderer(Protocol):
    """Turns the warped portrait of one frame into its final picture.

    Called once a frame, in order, from one thread, so it may remember the frame before.

    Args:
        rendered: the portrait warped into the frame's geometry; may be overwritten.
        landmarks: (478, 3) float32 px of that picture, where the face is to be.
        index: of the frame in the motion.

    Returns:
        (H, W, 3) uint8 RGB, and (H, W) uint8 mask, 255 where the face was made.
    """

    def __call__(
        self, rendered: WarpedPortrait, landmarks: np.ndarray, index: int
    ) -> tuple[np.ndarray, np.ndarray]: ...


class GeometryRenderer:
    """Leaves the warped portrait as it is, without a network; its mask reaches a little beyond the face."""

    def __call__(
        self, rendered: WarpedPortrait, landmarks: np.ndarray, index: int
    ) -> tuple[np.ndarray, np.ndarray]:
        outline = landmarks[FACE_OVAL, :2]
        outline = outline + FACE_MARGIN * (outline - outline.mean(0))
        mask = np.zeros(rendered.image.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(outline).astype(np.int32)), 255)
        return rendered.image, mask
