"""Takes the glasses out of the target's footage, where the source's are to be shown or nobody's."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.compositing.mask import bounding_box
from effigie.compositing.region import Region, to_float_image, warp_to_region
from effigie.faces.analyzer import Face
from effigie.faces.crop import apply_affine, crop
from effigie.occlusion.eyewear import WORN, find_eyewear, remove_eyewear
from effigie.occlusion.predictor import VisibilityPredictor

SCORE_SHARE = 0.3  # of a frame's score in the running mean: glasses are not put on and off from frame to frame
EDGE_SIGMA = 1.0  # px


class TargetEyewear:
    """Removes the glasses of one track's face, frame by frame, in order."""

    def __init__(self, predictor: VisibilityPredictor) -> None:
        self._predictor = predictor
        self._score: float | None = None

    def fresh_copy(self) -> TargetEyewear:
        """Another without memory of earlier frames."""
        return TargetEyewear(self._predictor)

    def __call__(self, image: Image, face: Face, side: int) -> tuple[Image, np.ndarray | None]:
        """The (H, W, 3) uint8 frame without glasses, and where it was changed, (H, W) uint8; None where nowhere.

        Args:
            image: (H, W, 3) uint8 RGB; not changed.
            side: px, at which the face is looked at.
        """
        matrix = face.matrix(side)
        picture = crop(image, matrix, side)
        found = find_eyewear(picture, apply_affine(matrix, face.landmarks), self._predictor)
        before = found.score if self._score is None else self._score
        self._score = before + SCORE_SHARE * (found.score - before)
        strokes = found.strokes.astype(np.float32)
        box = bounding_box(strokes)
        if self._score <= WORN or box is None:
            return image, None
        region = Region.from_crop_box(matrix, box, (image.shape[1], image.shape[0])).with_crop_size(side, side)
        if region.is_empty:
            return image, None
        made = warp_to_region(to_float_image(remove_eyewear(picture, found)), region)
        soft = cv2.GaussianBlur(strokes, (0, 0), EDGE_SIGMA)
        share = np.clip(warp_to_region(soft, region, cv2.INTER_LINEAR), 0, 1)
        changed, result = np.zeros(image.shape[:2], np.uint8), image.copy()
        footage = to_float_image(region.crop(image))
        region.paste(result, footage + share[..., None] * (made - footage), share)
        region.crop(changed)[...] = np.ceil(share * 255)
        return result, changed
