"""Metrics of generated talking-head pictures, per moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.arrays import Embedding, Image
from effigie.evaluate.metrics.flicker import compensated_differences
from effigie.evaluate.metrics.gaze import EyeState, eye_state
from effigie.evaluate.metrics.geometry import expression_error, landmark_error, pose_error
from effigie.evaluate.metrics.mobilenet import PerceptualFeatures, PerceptualModel, perceptual_distance
from effigie.evaluate.metrics.sharpness import laplacian_variance
from effigie.evaluate.metrics.ssim import INSIDE, ssim
from effigie.faces.crop import Roi
from effigie.faces.landmarker import LandmarkModel
from effigie.faces.mask import face_mask
from effigie.faces.recognizer import IdentityModel
from effigie.prior.frame_bank import FaceGeometry


@dataclass(frozen=True)
class PictureMeasures:
    """Measurements of one picture."""

    picture: Image  # (S, S, 3) uint8 RGB
    geometry: FaceGeometry  # of the landmarks found in it
    eyes: EyeState  # by these landmarks
    embedding: Embedding  # (128,) SFace, aligned by them
    perceived: PerceptualFeatures | None  # MobileNetV2's; None where nothing is compared by it


@dataclass(frozen=True)
class SelfReenactment:
    """One moment of self-reenactment, generated against true; fields as in ``HeadScores``."""

    person: int
    ssim: float
    ssim_face: float
    perceptual_distance: float
    csim: float
    landmarks: float
    expression: float
    pose: float
    eyes: tuple[EyeState, EyeState]
    sharpness: tuple[float, float]
    pooled: tuple[np.ndarray, np.ndarray]
    flicker: tuple[float, float] | None


@dataclass(frozen=True)
class CrossReenactment:
    """One moment of cross-reenactment; the only truth is who it is and where the landmarks should be."""

    to_portrait: float
    to_driver: float
    landmarks: float


class PictureEvaluator:
    """Measures generated pictures; ``device``: of MobileNetV2."""

    def __init__(self, identity: IdentityModel, device: str = "auto") -> None:
        self._identity, self._landmarks = identity, LandmarkModel()
        self._perception = PerceptualModel(device)

    def measure(self, pictures: Sequence[np.ndarray]) -> list[PictureMeasures]:
        """Measure (S, S, 3) uint8 crops; landmarks are detected in each from scratch."""
        return list(map(self._measure, pictures, self._perception(pictures)))

    def measure_without_features(self, pictures: Sequence[np.ndarray]) -> list[PictureMeasures]:
        """The same without MobileNetV2's features, half of the work."""
        return [self._measure(picture, None) for picture in pictures]

    def _measure(self, picture: Image, perceived: PerceptualFeatures | None) -> PictureMeasures:
        side = picture.shape[0]
        rough = self._landmarks(picture, Roi((side - 1) / 2, (side - 1) / 2, float(side), 0.0))
        landmarks = self._landmarks(picture, rough.roi()).landmarks.astype(np.float64)
        embedding = self._identity.embed(picture, landmarks)
        return PictureMeasures(
            picture, FaceGeometry.from_landmarks(landmarks), eye_state(landmarks), embedding, perceived
        )

    def measure_self_reenactment(
        self, person: int, renders: Sequence[np.ndarray], truth: Sequence[PictureMeasures]
    ) -> list[SelfReenactment]:
        """Compare a run of consecutive generated frames with the true ones."""
        records = []
        masks = [face_mask(measures.geometry.landmarks, *measures.picture.shape[:2]) for measures in truth]
        for index, (mine, real) in enumerate(zip(self.measure(renders), truth, strict=True)):
            assert mine.perceived is not None and real.perceived is not None
            inside = masks[index] > INSIDE
            whole, face = ssim(mine.picture, real.picture, masks[index])
            flicker = None
            if index:
                flicker = compensated_differences(
                    (renders[index - 1], mine.picture),
                    (truth[index - 1].picture, real.picture),
                    (masks[index - 1] > INSIDE, inside),
                )
            records.append(
                SelfReenactment(
                    person,
                    whole,
                    face,
                    perceptual_distance(mine.perceived, real.perceived),
                    float(mine.embedding @ real.embedding),
                    landmark_error(mine.geometry.landmarks, real.geometry.landmarks),
                    expression_error(mine.geometry, real.geometry),
                    pose_error(mine.geometry, real.geometry),
                    (mine.eyes, real.eyes),
                    (laplacian_variance(mine.picture, inside), laplacian_variance(real.picture, inside)),
                    (mine.perceived.pooled, real.perceived.pooled),
                    flicker,
                )
            )
        return records

    def measure_cross_reenactment(
        self,
        renders: Sequence[np.ndarray],
        targets: Sequence[FaceGeometry],
        portrait: np.ndarray,
        drivers: Sequence[PictureMeasures],
    ) -> list[CrossReenactment]:
        """Measure a run that ``drivers`` drive, faces to be at ``targets``; ``portrait``: (128,) of whom they drive."""
        return [
            CrossReenactment(
                float(mine.embedding @ portrait),
                float(mine.embedding @ driver.embedding),
                landmark_error(mine.geometry.landmarks, target.landmarks),
            )
            for mine, target, driver in zip(self.measure_without_features(renders), targets, drivers, strict=True)
        ]
