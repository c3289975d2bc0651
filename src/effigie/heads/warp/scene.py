"""A whole portrait in motion, by geometry alone: no network, any picture in which a face is found."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.faces.align import SIDE_CM
from effigie.faces.mesh import Pose
from effigie.heads.warp.background import part
from effigie.heads.warp.eye_mouth import EYES, Apertures, Layer
from effigie.heads.warp.face_warp import FaceWarp
from effigie.heads.warp.head_warp import Surround
from effigie.heads.warp.mouth_interior import Interior

MORE = 1.25  # times as large as a crop of the face, and a picture has a background


@dataclass(frozen=True)
class Rendered:
    """A portrait in motion.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        validity: (H, W) float32 in [0, 1]: 1 on the face where the portrait really shows what is asked for, 0 where
            it is stretched from nearly nothing or painted, and everywhere outside the face's mesh.
        field: (H, W, 2) float32: where in the portrait (x, y px) every pixel was taken from, before anything was
            painted and, with a still background, wherever the person moves.
    """

    image: np.ndarray
    validity: np.ndarray
    field: np.ndarray


class Scene:
    """A portrait that can be moved. Making one takes a few milliseconds, with a still background about 0.2 s.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) of the face in it, px; may lie partly outside.
        still_background: tell the person from the background and leave the latter where it is, instead of bending
            it with the head. By default where the picture shows more than a crop of the face does.
    """

    def __init__(
        self, image: np.ndarray, landmarks: np.ndarray, *, still_background: bool | None = None
    ) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        if landmarks.shape != (478, 3):
            raise ValueError(f"landmarks must be (478, 3), not {landmarks.shape}")
        self.image = np.ascontiguousarray(image)
        landmarks = landmarks.astype(np.float64)
        height, width = image.shape[:2]
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        self._identity = np.dstack([x, y])
        self._around = Surround(landmarks, height, width)
        if still_background is None:
            still_background = max(height, width) > MORE * SIDE_CM * self._around.own.scale
        self._background = None
        if still_background:
            box = self._around.box
            self._background = part(self.image, box, self._around.upright, self._around.own.scale)
            self._around.hold(self._background.person)
        self._face = FaceWarp(landmarks, self._around)
        self._apertures = Apertures(landmarks, self._around.own.scale)
        self._lashes = _dark_rim(self.image, landmarks)
        self._interior = Interior(self.image, landmarks, self._around.own.scale)

    def render(self, target: np.ndarray) -> Rendered:
        """The portrait with its face at ``target``, (478, 3) px of the same picture."""
        target = target.astype(np.float64)
        pose = self._around.pose(target)
        target, source = self._apertures.lids(target, pose.scale)
        field, validity, changed = self._field(source, target, pose)
        picture = self._taken(field, changed)
        shape = picture.shape
        for number in range(len(EYES)):
            eye = self._apertures.eye(number, target, pose.scale, shape)
            if eye is not None:
                self._show(eye, eye.cover, picture, field)
                validity[eye.box] *= 1 - eye.cover * (1 - eye.known)
        for box, line in self._apertures.lashes(target, pose.scale, shape):
            picture[box] = np.round(picture[box] + line[..., None] * (self._lashes - picture[box])).astype(
                np.uint8
            )
        mouth = self._apertures.mouth(target, pose.scale, shape)
        if mouth is not None:
            inside = self._interior
            self._show(mouth, mouth.cover * np.float32(inside.own), picture, field)
            turn = self._around.turn(pose)[:2, :2]
            teeth = self._around.moved(pose, inside.middle[None])[0, :2]
            validity[mouth.box] *= 1 - inside.paint(picture, mouth, target, pose.scale, turn, teeth)
        return Rendered(picture, validity, field)

    def _field(
        self, source: np.ndarray, target: np.ndarray, pose: Pose
    ) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]]:
        """Field, validity, and the rows and columns outside which nothing moves."""
        coarse = self._around.displacement(pose)
        x0, y0, x1, y1 = self._around.box
        moved = cv2.resize(coarse, (x1 - x0, y1 - y0))
        if moved.shape == self._identity.shape:
            field = cv2.add(self._identity, moved, dst=moved)
        else:
            field = self._identity.copy()
            field[y0:y1, x0:x1] += moved
        validity = np.zeros(field.shape[:2], np.float32)
        face = self._face.field(source, target, pose, coarse, self.image.shape)
        if face is not None:
            left, top, right, bottom = face.box
            inside = slice(top, bottom), slice(left, right)
            np.add(self._identity[inside], face.displacement, out=field[inside])
            validity[inside] = face.validity
            x0, y0, x1, y1 = min(x0, left), min(y0, top), max(x1, right), max(y1, bottom)
        return field, validity, (slice(y0, y1), slice(x0, x1))

    def _show(self, layer: Layer, cover: np.ndarray, picture: np.ndarray, field: np.ndarray) -> None:
        """Lay what shows through an opening over the picture, in place."""
        moved = cv2.remap(self.image, layer.source, None, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
        if layer.light < 1:
            moved = cv2.convertScaleAbs(moved, None, layer.light)
        box = layer.box
        picture[box] = cv2.blendLinear(moved, np.ascontiguousarray(picture[box]), cover, 1 - cover)
        field[box] += cover[..., None] * (layer.source - field[box])

    def _taken(self, field: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
        """(H, W, 3) the portrait seen through the field, before its background where that stays."""
        moved = cv2.remap(self.image, field[box], None, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
        if self._background is None:
            picture = self.image.copy()
            picture[box] = moved
            return picture
        picture = self._background.plate.copy()
        cover = cv2.remap(
            self._background.cover, field[box], None, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
        )
        picture[box] = cv2.blendLinear(moved, np.ascontiguousarray(picture[box]), cover, 1 - cover)
        return picture


def _dark_rim(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(3,) float32 the colour of the upper lids' edge."""
    height, width = image.shape[:2]
    points = np.concatenate([landmarks[eye.upper[1:-1], :2] for eye in EYES])
    x, y = np.round(np.clip(points, 0, [width - 1, height - 1])).astype(int).T
    return np.percentile(image[y, x], 30, axis=0).astype(np.float32) * 0.8
