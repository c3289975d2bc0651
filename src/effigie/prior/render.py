"""Rendering of the geometric prior: the selected source frames, warped into a target geometry and blended.

Three pictures are blended: one selected for the whole face, one for the mouth, one for the eyes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.crop import apply_affine, resize_matrix
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from effigie.faces.warp import MeshWarper, PixelBox, mask_bounds
from effigie.prior.frame_bank import FrameBank
from effigie.prior.openings import seal_openings
from effigie.prior.selector import FrameWeights

SOFT_SIZE = 128  # px a side from which on masks are soft enough to be drawn at half the size


@dataclass(frozen=True)
class RenderedPrior:
    """The source in the target geometry.

    Attributes:
        picture: (S, S, 3) float32 in 0..255.
        visibility: (S, S) float32 in [0, 1].
        extra_channel: (S, S) float32 in 0..255, the fourth channel of the whole face's frames; None if they have none.
    """

    picture: Image
    visibility: np.ndarray
    extra_channel: np.ndarray | None = None


FrameWarp = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""Index in the bank -> warped picture (h, w, 3), or (h, w, 4) with an extra channel, and its visibility (h, w)."""


def render(
    bank: FrameBank, layers: FrameWeights, warper: MeshWarper, face_warp: FrameWarp | None = None
) -> RenderedPrior:
    """Warp and blend the selected frames.

    Args:
        warper: of the target geometry.
        face_warp: warps the frames selected for the whole face; by default as for mouth and eyes, the mesh and its ring
            alone.
    """
    landmarks, size = warper.target, warper.size
    picture, visibility = _blend(layers["face"], face_warp or _mesh_warp(bank, warper))
    extra_channel = None
    if picture.shape[2] == 4:
        picture, extra_channel = np.ascontiguousarray(picture[..., :3]), picture[..., 3]
    for region in ("mouth", "eyes"):
        if layers[region] == layers["face"]:
            continue
        soft = region_mask(region, landmarks, size)
        box = mask_bounds(soft)
        if box is None:
            continue
        patch, patch_visibility = _blend(layers[region], _mesh_warp(bank, warper, box))
        part, base, base_visibility = soft[box], picture[box], visibility[box]
        patch = _match_lighting(patch, base, part)
        weight = part * np.minimum(patch_visibility / np.maximum(base_visibility, 0.05), 1)
        base += weight[..., None] * (patch - base)
        base_visibility += part * (np.maximum(patch_visibility, base_visibility) - base_visibility)
    return RenderedPrior(picture, visibility, extra_channel)


def _mesh_warp(bank: FrameBank, warper: MeshWarper, box: PixelBox | None = None) -> FrameWarp:
    def warp_frame(index: int) -> tuple[np.ndarray, np.ndarray]:
        landmarks = seal_openings(bank.geometries[index].landmarks, warper.target)
        warped = warper.warp(bank.read(index), landmarks, box)
        return warped.image, warped.visibility

    return warp_frame


def _blend(weights: dict[int, float], warp_frame: FrameWarp) -> tuple[np.ndarray, np.ndarray]:
    picture: Image = np.zeros((), np.float32)
    visibility: np.ndarray = np.zeros((), np.float32)
    for index, weight in weights.items():
        frame, frame_visibility = warp_frame(index)
        picture = picture + np.float32(weight) * frame
        visibility = visibility + np.float32(weight) * frame_visibility
    return picture, visibility


def region_mask(region: str, landmarks: Landmarks, size: int) -> np.ndarray:
    """(S, S) float32 in [0, 1]: 1 over the region, fading out around it."""
    if size >= 2 * SOFT_SIZE:
        # Nothing in it is finer than its fading: half the side is enough, and blurring it costs a quarter.
        half = region_mask(region, apply_affine(resize_matrix(size // 2, size), landmarks), size // 2)
        return np.asarray(cv2.resize(half, (size, size), interpolation=cv2.INTER_LINEAR))
    outlines = {"mouth": (OUTER_LIPS,), "eyes": (LEFT_EYE, RIGHT_EYE)}[region]
    grow = {"mouth": 1.35, "eyes": 1.7}[region]
    mask = np.zeros((size, size), np.float32)
    for outline in outlines:
        points = landmarks[outline, :2]
        middle = points.mean(0)
        width = np.ptp(points[:, 0])
        # A closed mouth or eye is a line: grow it by a share of its width, not of its height.
        offset = points - middle
        height = np.maximum(np.abs(offset[:, 1:]), 1e-3)
        offset = offset * grow + np.sign(offset) * [0, 0.12] * width * (height > 0.02 * width)
        mask = np.maximum(mask, polygon_mask(cv2.convexHull((middle + offset).astype(np.float32))[:, 0], size, size))
    return cv2.GaussianBlur(mask, (0, 0), size * 0.02)


def _match_lighting(patch: np.ndarray, base: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """Shift the patch (h, w, 3) to the lighting of ``base``, measured where the two meet."""
    rim = soft * (1 - soft)
    total = float(rim.sum())
    if total < 1e-3:
        return patch
    return patch + np.array(cv2.sumElems(cv2.multiply(base - patch, cv2.merge([rim] * 3)))[:3], np.float32) / total
