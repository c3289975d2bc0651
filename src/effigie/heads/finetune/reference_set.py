"""A person's T shots, ready to be bent into any pose and expression: what geometry gives the generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np

from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import FACE_OVAL, eye_opening
from effigie.faces.warp import Canvas
from effigie.heads.meta_learning.identity_dataset import Shot
from effigie.heads.warp.scene import Scene
from effigie.prior.frame_bank import Features, Geometry, Person, features
from effigie.prior.render import Bank, Chooser, Layers, Prior, nearest, render

RIM = 0.06  # of the face's radius: its outermost triangles are seen edge-on, and validity is torn there
SCENES = 64  # that many shots stay prepared


class Album:
    """Shots of one person at one size.

    Unlike in a swap, the whole crop is bent, hair and background with it, since nothing else will show them.

    Args:
        shots: one or more; pictures of any one size.
        size: side of what is rendered.
    """

    def __init__(self, shots: Sequence[Shot], size: int) -> None:
        if not shots:
            raise ValueError("an album needs a shot")
        self.size = size
        self.shots = [resized(shot, size) for shot in shots]
        geometries = [shot.geometry for shot in self.shots]
        # Features are compared within the person, so that any shape of theirs will do to subtract.
        self.person = Person(
            geometries[0].unposed,
            max(0.2, *(eye_opening(geometry.landmarks) for geometry in geometries)),
            np.zeros(128, np.float32),
            np.zeros(52, np.float32),
        )
        found = features(geometries, np.stack([shot.blendshapes for shot in self.shots]), self.person)
        self.bank = Bank(lambda i: self.shots[i].picture, geometries, found, np.zeros(len(self.shots)))
        self._scene: Callable[[int], Scene] = lru_cache(SCENES)(self._prepared)

    def features(self, geometry: Geometry, blendshapes: np.ndarray) -> Features:
        """Of a wanted face, (1, D) each; blendshapes (52,) as this person would show them."""
        return features([geometry], blendshapes[None], self.person)

    def nearest(self, geometry: Geometry, blendshapes: np.ndarray) -> Layers:
        """The shots that need least bending, for one moment by itself."""
        return nearest(self.bank, self.features(geometry, blendshapes))

    def chooser(self, rate: float) -> Chooser:
        """For moments in order, ``rate`` a second."""
        return Chooser(self.bank, rate)

    def render(self, layers: Layers, landmarks: np.ndarray) -> Prior:
        """The chosen shots bent to (478, 3) ``landmarks`` in pixels of the ``size`` x ``size`` result."""

        def whole(index: int) -> tuple[np.ndarray, np.ndarray]:
            rendered = self._scene(index).render(landmarks)
            return rendered.image.astype(np.float32), known(rendered.validity, landmarks)

        return render(self.bank, layers, Canvas(landmarks, self.size), whole)

    def _prepared(self, index: int) -> Scene:
        shot = self.shots[index]
        return Scene(shot.picture, shot.geometry.landmarks)


def known(validity: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(S, S) the validity of a scene's face, and 1 around the face, where the bent picture is all there is to go by.

    Args:
        validity: (S, S) float32, 0 outside the face's mesh.
        landmarks: (478, 3) px.
    """
    size = validity.shape[0]
    outline = cv2.convexHull(landmarks[FACE_OVAL, :2].astype(np.float32))[:, 0]
    around = 1 - polygon_mask(outline + RIM * (outline.mean(0) - outline), size, size)
    return np.asarray(np.maximum(validity, around), np.float32)


def resized(shot: Shot, size: int) -> Shot:
    """The shot with a picture of ``size`` pixels."""
    now = shot.picture.shape[0]
    if now == size:
        return shot
    scale = size / now
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(shot.picture, (size, size), interpolation=way)
    return Shot(np.asarray(picture, np.uint8), moved(shot.geometry, scale), shot.blendshapes)


def moved(geometry: Geometry, scale: float) -> Geometry:
    """The geometry in a picture enlarged by ``scale`` (pixel centres at integers)."""
    landmarks = geometry.landmarks * scale
    landmarks[:, :2] += (scale - 1) / 2
    return Geometry.of(landmarks)
