"""Fits the made face's skin to the footage's own: what is coarser than its features, place by place.

Colour transfer works by statistics and shading and leaves patches: on ten pairs the worst of six places on the skin was
5 to 16 (CIE76) off the footage. The footage has skin of the target's at every place of the face, so what is left is
measured there and added.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image

SKIN_SIGMA = 0.05  # of the crop's side: half an eye's width; finer is texture, and the source's own
MAX_OFFSET = 0.15  # grey levels 0..1: more is a beard or hair, not the complexion
MIN_PIXELS = 10.0  # of the small pictures, below which there is no skin to measure


def fit_complexion(face: Image, reference: Image, weight: np.ndarray, share: float) -> Image:
    """The made face with the footage's skin.

    Args:
        face: (S, S, 3) float32 in 0..1.
        reference: (R, R, 3) float32, the footage under the crop.
        weight: (R, R) in 0..1, where both show skin: not brows, eyes, lips, nor what covers the face.
        share: 0 leaves the face as it is, 1 gives it the footage's complexion.

    Returns:
        (S, S, 3) float32 in 0..1.
    """
    if share == 0 or weight.sum() < MIN_PIXELS:
        return face
    side = reference.shape[0]
    offset = reference - cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    weight = weight + np.float32(1e-4)  # far from any skin the offset of all of it
    stacked = np.dstack([np.clip(offset, -MAX_OFFSET, MAX_OFFSET) * weight[..., None], weight])
    blurred = cv2.GaussianBlur(stacked.astype(np.float32), (0, 0), SKIN_SIGMA * side)
    field = np.float32(share) * blurred[..., :3] / np.maximum(blurred[..., 3:], np.float32(1e-9))
    added = cv2.resize(field, face.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(face + added, 0, 1, dtype=np.float32)
