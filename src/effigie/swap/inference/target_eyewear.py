"""Glasses in the target's footage: kept whole, or painted over where the source's are to be shown or nobody's."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from effigie.arrays import AffineMatrix, Image
from effigie.compositing.canvas import Canvas
from effigie.compositing.region import Region, to_float_image, warp_to_region
from effigie.faces.analyzer import Face, analyze
from effigie.faces.crop import apply_affine, crop
from effigie.faces.tracker import Tracker
from effigie.media import FootageSettings
from effigie.media.sampling import FrameSampling, sample_frames
from effigie.occlusion.eyewear import Eyewear, find_eyewear
from effigie.occlusion.eyewear_removal import remove_eyewear
from effigie.occlusion.predictor import VisibilityPredictor

SCORE_SHARE = 0.3  # of a frame's score in the running mean: glasses are not put on and off from frame to frame
# That mean, above which glasses are worn. By the threshold for a single picture, 0.5, thin rims in warm light, which
# have -1 to 2, were there in one moment and gone in the next; clips of 14 people without glasses have -7.4 to -5.9.
WORN_IN_CLIP = -3.0
LOOKS, LOOK_SIDE = 4, 256  # frames by which it is told whether a clip has glasses at all; px of a face
INTERVAL = 10  # frames: somebody without glasses is seldom looked at
EDGE_SIGMA = 1.0  # px


class TargetEyewear:
    """Finds the glasses of one track's face, in order; :meth:`fresh_copy` starts another track.

    Args:
        is_kept: whether they stay before the made face; else they are to be painted over.
    """

    def __init__(self, predictor: VisibilityPredictor, is_kept: bool) -> None:
        self._is_kept = is_kept
        self._predictor = predictor
        self._score: float | None = None
        self._skipped = 0

    @property
    def is_kept(self) -> bool:
        """Whether they stay before the made face."""
        return self._is_kept

    def fresh_copy(self) -> TargetEyewear:
        """Another without memory of earlier frames."""
        return TargetEyewear(self._predictor, self._is_kept)

    def find(self, image: Image, face: Face, side: int) -> Eyewear | None:
        """The glasses of a face, in the pixels of ``face.matrix(side)``; None where none are worn.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        if self._score is not None and self._score <= WORN_IN_CLIP and self._skipped < INTERVAL - 1:
            self._skipped += 1
            return None
        self._skipped = 0
        eyewear = _find(image, face, side, self._predictor)
        score = eyewear.score if self._score is None else self._score
        self._score = score + SCORE_SHARE * (eyewear.score - score)
        return eyewear if self._score > WORN_IN_CLIP else None


def wears_glasses(clip: Path, predictor: VisibilityPredictor, footage: FootageSettings | None = None) -> bool:
    """Whether anybody in a few frames spread over a clip wears glasses."""
    scores = [
        _find(frame.image, face, LOOK_SIDE, predictor).score
        for frame in sample_frames(clip, FrameSampling(positions=LOOKS), footage=footage)
        for item in analyze(iter([frame]), Tracker())
        for face in item.faces
    ]
    return bool(scores) and float(np.mean(scores)) > WORN_IN_CLIP


def _find(image: Image, face: Face, side: int, predictor: VisibilityPredictor) -> Eyewear:
    matrix = face.matrix(side)
    return find_eyewear(crop(image, matrix, side), apply_affine(matrix, face.landmarks), predictor)


def paint_over(
    canvas: Canvas, matrix: AffineMatrix, eyewear: Eyewear, opacity: float = 1.0, matte: np.ndarray | None = None
) -> np.ndarray:
    """Take the glasses out of the canvas, and return where it was changed, (H, W) uint8.

    Args:
        matrix: (2, 3) frame px to px of the picture in which they were found.
        opacity: 0..1, how much of the paint is shown.
        matte: (H, W) float32 in 0..1, by which it is multiplied.
    """
    side, (height, width) = eyewear.strokes.shape[0], canvas.shape[:2]
    strokes = eyewear.strokes.astype(np.float32)
    picture, changed = crop(canvas.image, matrix, side), np.zeros((height, width), np.uint8)
    region = Region.from_crop_box(matrix, (0, 0, side, side), (width, height))
    if not region.is_empty:
        bare = np.clip(warp_to_region(to_float_image(remove_eyewear(picture, eyewear)), region), 0, 1)
        share = np.clip(warp_to_region(cv2.GaussianBlur(strokes, (0, 0), EDGE_SIGMA), region, cv2.INTER_LINEAR), 0, 1)
        share *= np.float32(opacity) if matte is None else np.float32(opacity) * region.crop(matte)
        original = canvas.crop(region)
        footage = np.clip(original, 0, 1)
        pixels = np.asarray(footage + share[..., None] * (bare - footage), np.float32)
        canvas.paste(region, original, pixels, share)
        region.crop(changed)[...] = np.ceil(share * 255)
    return changed
