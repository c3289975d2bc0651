"""Makes the dubbed mouth of one picture, in the frame's own pixels.

The jaw is moved: the frame itself is bent so that chin, cheeks and the skin below lie where they shall, and the bend
fades out into neck and background; where nothing moves, pixels stay as they are, and so there is no edge. Lips and
what is between them come from the person's other mouths, in this picture's light.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from effigie.arrays import Landmarks
from effigie.compositing.canvas import Canvas
from effigie.compositing.region import Region
from effigie.dubbing.mouths import Mouth
from effigie.dubbing.shut_line import draw_shut_line
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import FACE_OVAL, INNER_LIPS, MESH_VERTEX_COUNT, OUTER_LIPS, fit_pose, mouth_opening
from effigie.faces.warp import MeshWarper
from effigie.prior.openings import seal_openings

BELOW_CM, BESIDE_CM = 4.5, 1.0  # how far beyond the face's outline the bend reaches, under the chin and beside it
FIELD_SIDE = 224  # px, of the picture in which the bend is computed; it is smooth
LEAST_VISIBILITY = 0.05  # visibility of a mesh triangle whose place is trusted
LIPS_MARGIN_CM, LIPS_SOFT_CM = 0.45, 0.22  # of the patch around the lips: how far, and how softly it ends
LIGHT_CM = 1.6  # standard deviation of what is light and not the mouth's own
MOST_LIGHT = 1.5  # times lighter or darker that a mouth is made
# An opening that no mouth of the take shows is dark: so much of the lips' color, and from which share of the wanted gap
# on a mouth shows what lies in it.
CAVITY = np.array([0.32, 0.2, 0.2], np.float32)
GAP_SHARE, CAVITY_SOFT_CM = 0.6, 0.06
SHUT_CM, MOUTH_CM = 0.12, 5.0  # a smaller gap, in a mouth of usual width, shows nothing
MOVED_PX = 0.6  # from which bend on a pixel counts as wholly new


class MouthRenderer:
    """Renders dubbed mouths.

    Args:
        mouths: of the person.
    """

    def __init__(self, mouths: Sequence[Mouth]) -> None:
        self._mouths = mouths

    def __call__(
        self,
        canvas: Canvas,
        own: Landmarks,
        target: Landmarks,
        weights: Mapping[int, float],
        share: float,
        visible: np.ndarray | None = None,
    ) -> np.ndarray:
        """Put the mouth onto the canvas; returns where it was changed, (H, W) uint8, 255 where all is new.

        Args:
            own, target: (478, 3) px of the frame.
            weights: of the mouths it is made of.
            share: 0..1, how much of it is shown.
            visible: (H, W) float32 in 0..1, 0 where something is before the face.
        """
        changed = np.zeros(canvas.shape[:2], np.uint8)
        scale = fit_pose(own).scale
        region = _find_region(own, target, scale, canvas.shape)
        if region is None:
            return changed
        origin = np.array([region.left, region.top, 0.0])
        original = canvas.crop(region)
        shift = share * _bend(own - origin, target - origin, region.size, scale)
        render = _move(original, shift)
        motion_share = np.clip(np.linalg.norm(shift, axis=2) / MOVED_PX, 0, 1).astype(np.float32)
        # What was moved partly lies between the two shapes: so do the lips.
        placed = own + np.float32(share) * (target - own) - origin
        patch_share = self._put_lips(render, placed, weights, scale, min(1.0, 2 * share))
        alpha = np.maximum(motion_share, patch_share)
        if visible is not None:
            alpha = alpha * region.crop(visible)
        alpha[alpha < 1 / 255] = 0
        if not alpha.any():
            return changed
        pixels = original + alpha[..., None] * (render - original)
        canvas.paste(region, original, pixels, alpha)
        region.crop(changed)[...] = np.ceil(255 * np.minimum(alpha, 1))
        return changed

    def _put_lips(
        self, render: np.ndarray, landmarks: Landmarks, weights: Mapping[int, float], scale: float, share: float
    ) -> np.ndarray:
        """Lips, teeth and tongue put into ``render`` (h, w, 3), in place; returns how much they are of it, (h, w)."""
        height, width = render.shape[:2]
        soft = lips_mask(landmarks, (height, width), scale)
        rows, columns = np.flatnonzero(soft.max(1) > 0), np.flatnonzero(soft.max(0) > 0)
        if not len(rows):
            return soft
        margin = round(LIGHT_CM * scale)
        top, left = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
        bottom, right = min(int(rows[-1]) + 1 + margin, height), min(int(columns[-1]) + 1 + margin, width)
        box = slice(top, bottom), slice(left, right)
        placed = landmarks - np.array([left, top, 0.0])
        warper = MeshWarper(placed, max(bottom - top, right - left))
        part = slice(0, bottom - top), slice(0, right - left)
        patch, coverage = np.zeros((*soft[box].shape, 3), np.float32), np.zeros(soft[box].shape, np.float32)
        for number, weight in weights.items():
            mouth = self._mouths[number]
            warped = warper.warp(mouth.image, seal_openings(mouth.landmarks, placed), part)
            visible = (warped.visibility > 0).astype(np.float32)
            patch += np.float32(weight / 255) * visible[..., None] * warped.image
            coverage += np.float32(weight) * visible
        patch /= np.maximum(coverage, 1e-3)[..., None]
        base, inside = render[box], soft[box] * np.clip(coverage, 0, 1)
        patch = _match_light(patch, base, inside, placed, scale)
        _darken_opening(patch, placed, 1 - self._show_opening(placed, weights), scale)
        draw_shut_line(patch, placed, self._measure_closing(placed, weights), scale)
        inside = share * inside
        render[box] = base + inside[..., None] * (patch - base)
        cover = np.zeros_like(soft)
        cover[box] = inside
        return cover

    def _show_opening(self, landmarks: Landmarks, weights: Mapping[int, float]) -> float:
        """0..1, how much of what lies between the lips the mouths really show."""
        opening = mouth_opening(landmarks)
        if opening * MOUTH_CM < SHUT_CM:
            return 1.0
        shares = [
            weight * min(mouth_opening(self._mouths[number].landmarks) / (GAP_SHARE * opening), 1.0)
            for number, weight in weights.items()
        ]
        return float(sum(shares))

    def _measure_closing(self, landmarks: Landmarks, weights: Mapping[int, float]) -> float:
        """0..1, how far the lips are to be shut that in the mouths they are made of are open."""
        opening = sum(weight * mouth_opening(self._mouths[number].landmarks) for number, weight in weights.items())
        opened = np.clip((opening * MOUTH_CM - SHUT_CM) / SHUT_CM, 0, 1)
        return float(opened * np.clip(2 - mouth_opening(landmarks) * MOUTH_CM / SHUT_CM, 0, 1))


def lips_mask(landmarks: Landmarks, size: tuple[int, int], scale: float) -> np.ndarray:
    """(h, w) float32 in 0..1: lips and a little skin around them, softly ending.

    Args:
        landmarks: (478, >= 2) px.
        scale: px a centimetre.
    """
    outline = cv2.convexHull(landmarks[OUTER_LIPS, :2].astype(np.float32))[:, 0]
    mask = polygon_mask(outline, *size)
    grow = max(1, round(2 * LIPS_MARGIN_CM * scale)) | 1
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grow, grow)))
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, LIPS_SOFT_CM * scale))
    return np.where(soft < 1 / 255, 0, soft).astype(np.float32)


def _find_region(own: Landmarks, target: Landmarks, scale: float, shape: tuple[int, ...]) -> Region | None:
    """The box of the frame in which anything may change; None if that is outside of it."""
    points = np.concatenate([own[:MESH_VERTEX_COUNT, :2], target[:MESH_VERTEX_COUNT, :2]])
    reach = BELOW_CM * scale
    low = np.clip(np.floor(points.min(0) - BESIDE_CM * scale), 0, [shape[1], shape[0]]).astype(int)
    high = np.clip(np.ceil(points.max(0) + reach), 0, [shape[1], shape[0]]).astype(int)
    if (high - low).min() < 8:
        return None
    return Region(int(low[0]), int(low[1]), int(high[0]), int(high[1]), np.eye(2, 3))


def _bend(own: Landmarks, target: Landmarks, size: tuple[int, int], scale: float) -> np.ndarray:
    """(h, w, 2) float32 px: from each pixel to the one of the frame that shall be seen there.

    Args:
        own, target: (478, 3) px of the region.
        size: width and height of the region.
        scale: px a centimetre.
    """
    width, height = size
    factor = min(1.0, FIELD_SIDE / max(size))
    small = max(1, round(width * factor)), max(1, round(height * factor))
    ratio = np.array([small[0] / width, small[1] / height, factor])
    side = max(small)
    scaled_source, scaled_target = own * ratio, target * ratio
    x, y = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    grid = np.dstack([x, y, np.zeros_like(x)])
    warped = MeshWarper(scaled_target, side).warp(grid, scaled_source)
    shift = warped.image[..., :2] - grid[..., :2]
    face = polygon_mask(cv2.convexHull(scaled_target[FACE_OVAL, :2].astype(np.float32))[:, 0], side, side) > 0.5
    lips = polygon_mask(scaled_target[INNER_LIPS, :2].astype(np.float32), side, side) > 0.5
    valid = face & ((warped.visibility > LEAST_VISIBILITY) | lips)
    if not valid.any():
        return np.zeros((height, width, 2), np.float32)
    distance, labels = cv2.distanceTransformWithLabels(
        (~valid).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.zeros((int(labels.max()) + 1, 2), np.intp)
    places[labels[valid]] = np.argwhere(valid)
    nearest = places[labels]
    surroundings = shift[nearest[..., 0], nearest[..., 1]]
    surroundings = cv2.GaussianBlur(surroundings, (0, 0), max(1.0, 0.4 * scale * factor))
    away = np.dstack([y - nearest[..., 0], x - nearest[..., 1]])
    down = scaled_target[152, :2] - scaled_target[10, :2]
    down = down[::-1] / max(float(np.linalg.norm(down)), 1e-6)
    downward = np.clip((away @ down) / np.maximum(distance, 1e-6), 0, 1)
    reach = (
        (BESIDE_CM + (BELOW_CM - BESIDE_CM) * cv2.GaussianBlur(downward.astype(np.float32), (0, 0), 2)) * scale * factor
    )
    fading = np.clip(1 - distance / reach, 0, 1)
    fading = fading * fading * (3 - 2 * fading)
    shift = np.where(face[..., None] & valid[..., None], shift, surroundings * fading[..., None])
    whole = cv2.resize(shift[: small[1], : small[0]].astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return whole / ratio[:2].astype(np.float32)


def _move(picture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    result = cv2.remap(
        picture, x + shift[..., 0], y + shift[..., 1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE
    )
    low, high = min(0.0, float(picture.min())), max(1.0, float(picture.max()))
    return np.clip(result, low, high)


def _match_light(
    patch: np.ndarray, base: np.ndarray, soft: np.ndarray, landmarks: Landmarks, scale: float
) -> np.ndarray:
    """The patch in the light of the skin around it: by their ratio there, which is continued over lips and teeth."""
    lips = polygon_mask(cv2.convexHull(landmarks[OUTER_LIPS, :2].astype(np.float32))[:, 0], *soft.shape)
    skin = soft * (1 - cv2.GaussianBlur(lips, (0, 0), max(0.6, 0.1 * scale)))
    weight = np.clip(skin, 0, 1)[..., None]
    sigma = LIGHT_CM * scale / 2
    sums = [cv2.GaussianBlur(weight * (one + 0.02), (0, 0), sigma) for one in (base, patch)]
    ratio = np.clip((sums[0] + 1e-5) / (sums[1] + 1e-5), 1 / MOST_LIGHT, MOST_LIGHT)
    return np.asarray(patch * ratio, np.float32)


def _darken_opening(patch: np.ndarray, landmarks: Landmarks, share: float, scale: float) -> None:
    """Darken what lies between the lips, in place, by a share that the mouths do not show."""
    if share <= 0:
        return
    inside = polygon_mask(landmarks[INNER_LIPS, :2].astype(np.float32), *patch.shape[:2])
    outline = cv2.convexHull(landmarks[OUTER_LIPS, :2].astype(np.float32))[:, 0]
    lips = polygon_mask(outline, *patch.shape[:2]) * (1 - inside)
    if not inside.any() or not lips.any():
        return
    color = CAVITY * (patch * lips[..., None]).sum((0, 1)) / lips.sum()
    weight = share * cv2.GaussianBlur(inside, (0, 0), max(0.6, CAVITY_SOFT_CM * scale))[..., None]
    patch += weight * (color - patch)
