"""Carries a made face over to a skin of another tone: gloss, brows and lips are no skin, and do not go with it.

Colour transfer brings dark skin to the brightness of light skin. Gloss, which light leaves on any skin alike, is then
more than the footage's light would leave; hair, as dark as before, would be as light as skin; lips, lighter than dark
skin, lighter than light skin. The footage shows how glossy its light is, and how far brows and lips stand out of skin
of its tone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.compositing.color_local import measure_shading
from effigie.compositing.window import CropWindow

# Natural logarithm of how much lighter the footage's skin is: up to the first the skins count as alike, from the second
# on as of another tone. Photo and footage of one person differ by up to 0.35 by their light.
ALIKE, OTHER = 0.25, 0.55
GLOSS_QUANTILE = 0.97  # of the footage's skin: what is brighter is an edge or noise
GLOSS_MARGIN = 1.2  # times that
MIN_GLOSS = 0.03  # grey levels 0..1 above the shading: less is texture
MAX_BROW_GAIN = 4.0
BROW_NOISE = 0.01  # grey levels 0..1 below the shading that are texture, no hair
MAX_LIP_OFFSET = 0.3  # grey levels 0..1
LIP_SOFTNESS = 0.7  # px of the small pictures, of their edge
VISIBLE = 0.004  # grey levels 0..1: a change below is none
MIN_PIXELS = 4.0  # of the small pictures, below which nothing can be measured


@dataclass(frozen=True, eq=False)
class FeatureMasks:
    """Where a face's features are: (F, F) float32 in 0..1 of its crop.

    Attributes:
        any: brows, eyes and lips, made or filmed, grown to where plain skin begins.
        brows, lips: of the made face; lips without what shows between them.
        filmed_brows, filmed_lips: of the footage's.
    """

    any: np.ndarray
    brows: np.ndarray
    lips: np.ndarray
    filmed_brows: np.ndarray
    filmed_lips: np.ndarray

    @property
    def nbytes(self) -> int:
        return 5 * self.any.nbytes


def measure_tone(face: Image, reference: Image, skin: np.ndarray) -> float:
    """0 where the footage's skin is as light as the made face's or darker, to 1 where it is of a lighter tone.

    Args:
        face: (S, S, 3) float32 in 0..1, before its colours are changed.
        reference: (R, R, 3) the footage under the crop.
        skin: (R, R) in 0..1, where both show skin.
    """
    if skin.sum() < MIN_PIXELS:
        return 0.0
    small = cv2.resize(face, skin.shape, interpolation=cv2.INTER_AREA)
    own_brightness, footage_brightness = (float((_to_gray(picture) * skin).sum()) for picture in (small, reference))
    share = np.clip((np.log(max(footage_brightness, 1e-6) / max(own_brightness, 1e-6)) - ALIKE) / (OTHER - ALIKE), 0, 1)
    return float(share * share * (3 - 2 * share))


def carry_over(
    face: Image,
    reference: Image,
    features: FeatureMasks,
    skin: np.ndarray,
    tone: float,
    share: float,
    window: CropWindow | None = None,
) -> Image:
    """The made face with gloss, brows and lips as skin of the footage's tone has them.

    Args:
        face: (h, w, 3) float32 in 0..1, what the window shows of the crop, in the footage's colours.
        reference: (R, R, 3) float32, the footage under the crop.
        skin: (R, R) in 0..1, where both show plain skin.
        tone: of :func:`measure_tone`: how much brows and lips change.
        share: 0 leaves the face as it is, 1 changes it as described.
        window: None where the face is the whole crop.

    Returns:
        (h, w, 3) float32 in 0..1.
    """
    if share == 0 or skin.sum() < MIN_PIXELS:
        return face
    window, shading = window or CropWindow.whole(), measure_shading(reference, skin)
    box, size = window.pixels(skin.shape[0]), face.shape[1::-1]
    small = cv2.resize(face, window.size(skin.shape[0]), interpolation=cv2.INTER_AREA)
    detail, footage_detail, base = small - shading[box], (reference - shading)[box], shading[box]
    brows, filmed_brows, lips, filmed_lips = (
        mask[box] for mask in (features.brows, features.filmed_brows, features.lips, features.filmed_lips)
    )
    change = _limit_gloss(detail, footage_detail, skin[box]) + _fit_lips(
        detail, footage_detail, lips, filmed_lips, tone
    )
    if np.abs(change).max() > VISIBLE:
        change = cv2.resize(np.float32(share) * change, size, interpolation=cv2.INTER_CUBIC)
        face = np.clip(cv2.add(face, change, dst=change), 0, 1, out=change)
    gain = 1 + share * tone * (_measure_brow_gain(detail, footage_detail, brows, filmed_brows) - 1)
    if gain == 1:
        return face
    rows = np.flatnonzero(brows.any(axis=1))
    top, bottom = (round(edge * size[1] / len(brows)) for edge in (max(rows[0] - 1, 0), rows[-1] + 2))
    band = slice(top, min(bottom, size[1]))
    changed = face.copy()
    changed[band] = _darken_hair(face[band], cv2.resize(base, size)[band], cv2.resize(brows, size)[band], gain)
    return changed


def _to_gray(picture: Image) -> np.ndarray:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)


def _limit_gloss(detail: Image, footage_detail: Image, skin: np.ndarray) -> Image:
    """What takes gloss to no more than the footage has anywhere; both are differences from the shading, (h, w, 3)."""
    return _pull_highlights(detail, _to_gray(footage_detail)[skin > 0.5], skin)


def _pull_highlights(detail: Image, reference: np.ndarray, mask: np.ndarray) -> Image:
    """What takes highlights, (h, w, 3), to no more than those that are ``reference``, (N,), under a mask (h, w)."""
    gloss = _to_gray(detail)
    limit = max(GLOSS_MARGIN * float(np.quantile(reference, GLOSS_QUANTILE)) if reference.size else 0.0, MIN_GLOSS)
    share = mask * np.maximum(gloss - limit, 0) / np.maximum(gloss, np.float32(1e-3))
    return np.asarray(-share[..., None] * detail, np.float32)


def _fit_lips(detail: Image, footage_detail: Image, lips: np.ndarray, filmed_lips: np.ndarray, tone: float) -> Image:
    """What makes lips no glossier than the footage's, and on another tone as different from skin."""
    if min(lips.sum(), filmed_lips.sum()) < MIN_PIXELS:
        return np.zeros_like(detail)
    own, target = (
        np.float32((picture * mask[..., None]).sum((0, 1)) / mask.sum())
        for picture, mask in ((detail, lips), (footage_detail, filmed_lips))
    )
    offset = np.float32(tone) * np.clip(target - own, -MAX_LIP_OFFSET, MAX_LIP_OFFSET)
    soft = cv2.GaussianBlur(lips, (0, 0), LIP_SOFTNESS)
    return soft[..., None] * offset + _pull_highlights(
        detail - own, _to_gray(footage_detail - target)[filmed_lips > 0.5], soft
    )


def _measure_brow_gain(detail: Image, footage_detail: Image, brows: np.ndarray, filmed_brows: np.ndarray) -> float:
    """How much darker than skin the footage's brows are, in terms of the made ones; 1 where those are as dark."""
    if min(brows.sum(), filmed_brows.sum()) < MIN_PIXELS:
        return 1.0
    own, target = (
        float((np.maximum(-_to_gray(picture) - BROW_NOISE, 0) * mask).sum() / mask.sum())
        for picture, mask in ((detail, brows), (footage_detail, filmed_brows))
    )
    return float(np.clip(target / max(own, 1e-3), 1, MAX_BROW_GAIN))


def _darken_hair(face: Image, shading: Image, brows: np.ndarray, gain: float) -> Image:
    """The face, (h, w, 3), with what is darker than its shading ``gain`` times as dark within the brows, (h, w)."""
    gray = _to_gray(face)
    hair = np.maximum(_to_gray(shading) - gray - np.float32(BROW_NOISE), 0) * brows
    # In proportion, so that hair keeps its hue.
    gain_map = np.maximum(gray - np.float32(gain - 1) * hair, 0) / np.maximum(gray, np.float32(0.01))
    return np.asarray(face * gain_map[..., None], np.float32)
