"""Warps a whole portrait by geometry alone: no network, any picture in which a face is found."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.align import CROP_SIDE_CM
from effigie.faces.mesh import Pose, fit_pose
from effigie.heads.warp.background import build_background
from effigie.heads.warp.eye_mouth import EyeMouthWarp, OpeningLayer
from effigie.heads.warp.face_warp import FaceWarp
from effigie.heads.warp.head_warp import HeadWarp
from effigie.heads.warp.mouth_interior import MouthInterior
from effigie.heads.warp.opening import EYE_OPENINGS, MOUTH

BACKGROUND_RATIO = 1.25  # times as large as a crop of the face, and a picture has a background


@dataclass(frozen=True)
class WarpedPortrait:
    """A warped portrait.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        visibility: (H, W) float32 in [0, 1]: 1 on the face where the portrait really shows what is asked for, 0 where
            it is stretched from nearly nothing or painted, and everywhere outside the face's mesh.
        field: (H, W, 2) float32: where in the portrait (x, y px) every pixel of the person was taken from, before
            anything was painted; beyond its borders where a body that moves brings into view what is not in it.
    """

    image: Image
    visibility: np.ndarray
    field: np.ndarray


class PortraitWarp:
    """Warps one portrait. Making one takes a few milliseconds, with a still background about half a second.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) of the face in it, px; may lie partly outside.
        still_background: separate the person from the background and leave the latter where it is, instead of warping
            it with the head; the body then follows where the head goes. By default where the picture shows more than
            a crop of the face does.
    """

    def __init__(self, image: Image, landmarks: Landmarks, *, still_background: bool | None = None) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        if landmarks.shape != (478, 3):
            raise ValueError(f"landmarks must be (478, 3), not {landmarks.shape}")
        self.image = np.ascontiguousarray(image)
        landmarks = landmarks.astype(np.float64)
        height, width = image.shape[:2]
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        self._identity = np.dstack([x, y])
        scale = fit_pose(landmarks).scale
        if still_background is None:
            still_background = max(height, width) > BACKGROUND_RATIO * CROP_SIDE_CM * scale
        self._head_warp = HeadWarp(landmarks, height, width, body_follows=still_background)
        self._background = None
        if still_background:
            self._background = build_background(self.image, self._head_warp.to_head_coordinates, scale)
            self._head_warp.set_person_mask(self._background.person)
        self._face = FaceWarp(landmarks, self._head_warp)
        self._eye_mouth_warp = EyeMouthWarp(self.image, landmarks, scale)
        self._lash_color = _sample_lash_color(self.image, landmarks)
        self._mouth_interior = MouthInterior(self.image, landmarks, scale)

    def render(self, target: np.ndarray) -> WarpedPortrait:
        """The portrait warped so that its face is at ``target``, (478, 3) px of the same picture."""
        target = target.astype(np.float64)
        pose = self._head_warp.estimate_pose(target)
        target, source = self._eye_mouth_warp.adjust_edges(target, pose.scale)
        field, visibility, changed = self._field(source, target, pose)
        picture = self._warp_image(field, changed)
        shape, turn = picture.shape, self._head_warp.relative_rotation(pose)[:2, :2]
        for number in range(len(EYE_OPENINGS)):
            eye = self._eye_mouth_warp.build_eye_layer(number, target, pose.scale, turn, shape)
            if eye is not None:
                self._composite_layer(eye, eye.cover, picture, field)
                visibility[eye.box] *= 1 - eye.cover * (1 - eye.visibility)
        for box, line in self._eye_mouth_warp.build_lash_lines(target, pose.scale, shape):
            picture[box] = np.round(picture[box] + line[..., None] * (self._lash_color - picture[box])).astype(np.uint8)
        mouth = self._eye_mouth_warp.build_mouth_layer(target, pose.scale, shape)
        if mouth is not None:
            inside = self._mouth_interior
            own = inside.own_share(MOUTH.gap(target) / pose.scale)
            self._composite_layer(mouth, mouth.cover * np.float32(own), picture, field)
            teeth = self._head_warp.move_points(pose, inside.middle[None])[0, :2]
            visibility[mouth.box] *= 1 - inside.paint(picture, mouth, target, pose.scale, turn, teeth)
        return WarpedPortrait(picture, visibility, field)

    def _field(
        self, source: np.ndarray, target: np.ndarray, pose: Pose
    ) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]]:
        """Field, visibility, and the rows and columns outside which nothing moves."""
        coarse = self._head_warp.compute_displacement(pose)
        x0, y0, x1, y1 = self._head_warp.box
        displacement = cv2.resize(coarse, (x1 - x0, y1 - y0))
        if displacement.shape == self._identity.shape:
            field = cv2.add(self._identity, displacement, dst=displacement)
        else:
            field = self._identity.copy()
            field[y0:y1, x0:x1] += displacement
        visibility = np.zeros(field.shape[:2], np.float32)
        face = self._face.compute_field(source, target, pose, coarse, self.image.shape)
        if face is not None:
            left, top, right, bottom = face.box
            inside = slice(top, bottom), slice(left, right)
            np.add(self._identity[inside], face.displacement, out=field[inside])
            visibility[inside] = face.visibility
            for opening in self._eye_mouth_warp.list_tight(target, pose.scale):
                self._face.refine_opening(field, source, target, pose, coarse, opening.outline)
            x0, y0, x1, y1 = min(x0, left), min(y0, top), max(x1, right), max(y1, bottom)
        return field, visibility, (slice(y0, y1), slice(x0, x1))

    def _composite_layer(self, layer: OpeningLayer, cover: np.ndarray, picture: Image, field: np.ndarray) -> None:
        """Composite the layer of an opening over the picture, in place."""
        color = layer.color
        if color is None:
            color = cv2.remap(self.image, layer.source, None, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
        if layer.light < 1:
            color = cv2.convertScaleAbs(color, None, layer.light)
        box = layer.box
        picture[box] = cv2.blendLinear(color, np.ascontiguousarray(picture[box]), cover, 1 - cover)
        field[box] += cover[..., None] * (layer.source - field[box])

    def _warp_image(self, field: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
        """(H, W, 3) the portrait seen through the field, before its background where that stays."""
        if self._background is None:
            picture = self.image.copy()
            picture[box] = cv2.remap(self.image, field[box], None, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
            return picture
        picture = self._background.plate.copy()
        source = field[box] + np.array(self._background.offset, np.float32)
        person = cv2.remap(self._background.foreground, source, None, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
        cover = cv2.remap(self._background.cover, source, None, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        picture[box] = cv2.blendLinear(person, np.ascontiguousarray(picture[box]), cover, 1 - cover)
        return picture


def _sample_lash_color(image: Image, landmarks: Landmarks) -> np.ndarray:
    """(3,) float32 the colour of the upper lids' edge."""
    height, width = image.shape[:2]
    points = np.concatenate([landmarks[eye.upper[1:-1], :2] for eye in EYE_OPENINGS])
    x, y = np.round(np.clip(points, 0, [width - 1, height - 1])).astype(int).T
    return np.percentile(image[y, x], 30, axis=0).astype(np.float32) * 0.8
