"""A person's T shots, which are warped into any pose and expression: the prior of the generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import FACE_OVAL, eye_opening
from effigie.faces.warp import MeshWarper
from effigie.heads.meta_learning.identity_dataset import ReferenceShot
from effigie.heads.warp.scene import PortraitWarp
from effigie.prior.frame_bank import FaceGeometry, FaceProfile, FrameBank, FrameFeatures, compute_features
from effigie.prior.render import RenderedPrior, render
from effigie.prior.selector import FrameSelector, FrameWeights, select_nearest

# Of the face's radius: its outermost triangles are seen edge-on, and visibility is torn there.
RIM_MARGIN = 0.06
MAX_SCENES = 64  # that many shots stay prepared


class ReferenceSet:
    """Shots of one person at one size.

    Unlike in a swap, the whole crop is warped, hair and background with it, since nothing else will show them.

    Args:
        shots: one or more; pictures of any one size.
        size: side of what is rendered.
    """

    def __init__(self, shots: Sequence[ReferenceShot], size: int) -> None:
        if not shots:
            raise ValueError("an album needs a shot")
        self.size = size
        self.shots = [resize_shot(shot, size) for shot in shots]
        geometries = [shot.geometry for shot in self.shots]
        # Features are compared within the person, so that any shape of theirs will do to subtract.
        self.person = FaceProfile(
            geometries[0].unposed,
            max(0.2, *(eye_opening(geometry.landmarks) for geometry in geometries)),
            np.zeros(128, np.float32),
            np.zeros(52, np.float32),
        )
        features = compute_features(geometries, np.stack([shot.blendshapes for shot in self.shots]), self.person)
        self.bank = FrameBank(lambda i: self.shots[i].picture, geometries, features, np.zeros(len(self.shots)))
        self._scene: Callable[[int], PortraitWarp] = lru_cache(MAX_SCENES)(self._build_scene)

    def features(self, geometry: FaceGeometry, blendshapes: np.ndarray) -> FrameFeatures:
        """Features of a wanted face, (1, D) each; blendshapes (52,) as this person would show them."""
        return compute_features([geometry], blendshapes[None], self.person)

    def find_nearest(self, geometry: FaceGeometry, blendshapes: np.ndarray) -> FrameWeights:
        """The shots that need the least warping, for one moment by itself."""
        return select_nearest(self.bank, self.features(geometry, blendshapes))

    def build_selector(self, rate: float) -> FrameSelector:
        """A selector of shots for moments in order, ``rate`` a second."""
        return FrameSelector(self.bank, rate)

    def render(self, layers: FrameWeights, landmarks: Landmarks) -> RenderedPrior:
        """The chosen shots warped to (478, 3) ``landmarks`` in pixels of the ``size`` x ``size`` result."""

        def warp_shot(index: int) -> tuple[np.ndarray, np.ndarray]:
            rendered = self._scene(index).render(landmarks)
            return rendered.image.astype(np.float32), extend_visibility(rendered.visibility, landmarks)

        return render(self.bank, layers, MeshWarper(landmarks, self.size), warp_shot)

    def _build_scene(self, index: int) -> PortraitWarp:
        shot = self.shots[index]
        return PortraitWarp(shot.picture, shot.geometry.landmarks)


def extend_visibility(visibility: np.ndarray, landmarks: Landmarks) -> np.ndarray:
    """(S, S) the visibility of a warped face, and 1 around the face, where there is nothing but the warped picture.

    Args:
        visibility: (S, S) float32, 0 outside the face's mesh.
        landmarks: (478, 3) px.
    """
    size = visibility.shape[0]
    outline = cv2.convexHull(landmarks[FACE_OVAL, :2].astype(np.float32))[:, 0]
    surroundings = 1 - polygon_mask(outline + RIM_MARGIN * (outline.mean(0) - outline), size, size)
    return np.asarray(np.maximum(visibility, surroundings), np.float32)


def resize_shot(shot: ReferenceShot, size: int) -> ReferenceShot:
    """The shot with a picture of ``size`` pixels."""
    now = shot.picture.shape[0]
    if now == size:
        return shot
    scale = size / now
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(shot.picture, (size, size), interpolation=way)
    return ReferenceShot(np.asarray(picture, np.uint8), scale_geometry(shot.geometry, scale), shot.blendshapes)


def scale_geometry(geometry: FaceGeometry, scale: float) -> FaceGeometry:
    """The geometry in a picture enlarged by ``scale`` (pixel centres at integers)."""
    landmarks = geometry.landmarks * scale
    landmarks[:, :2] += (scale - 1) / 2
    return FaceGeometry.from_landmarks(landmarks)
