"""The blend mask: where the made face shows, and how softly it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.errors import UsageError

Mask = NDArray[np.float32]
EROSION = {"range": (-0.5, 0.5)}


@dataclass(frozen=True)
class MaskSettings:
    """How the face's outline becomes a blend mask. All lengths are shares of the outline's longer side.

    Attributes:
        top: erosion at the brow, -0.5..0.5; negative grows.
        bottom: erosion at the chin.
        left: erosion at the picture's left cheek.
        right: erosion at the picture's right cheek.
        feather: width over which the mask rises from 0 to 1, inwards, 0..0.5.
        occlusion_feather: softening of the edge against hands, hair and glasses, 0..0.1. Small: a wide one would let
            the original face shine through beside them.
    """

    top: float = field(default=0.0, metadata=EROSION)
    bottom: float = field(default=0.0, metadata=EROSION)
    left: float = field(default=0.0, metadata=EROSION)
    right: float = field(default=0.0, metadata=EROSION)
    feather: float = field(default=0.06, metadata={"range": (0.0, 0.5)})
    occlusion_feather: float = field(default=0.004, metadata={"range": (0.0, 0.1)})

    def __post_init__(self) -> None:
        for side in ("top", "bottom", "left", "right"):
            if not -0.5 <= getattr(self, side) <= 0.5:
                raise UsageError(f"mask erosion '{side}' is a share of the face, -0.5..0.5, got {getattr(self, side)}")
        if not 0 <= self.feather <= 0.5 or not 0 <= self.occlusion_feather <= 0.1:
            raise UsageError(
                f"feather is 0..0.5 and occlusion feather 0..0.1 of the face, got {self.feather} "
                f"and {self.occlusion_feather}"
            )


def build_mask(outline: Mask, visible: Mask | None = None, settings: MaskSettings | None = None) -> Mask:
    """The blend mask of a crop.

    Only the outline (the mesh's) is eroded and feathered; what a network says is visible cuts it afterwards, nearly as
    sharply as it came.

    Args:
        outline: (S, S) in 0..1.
        visible: (S, S) in 0..1, 0 where something covers the face; None where nothing does.

    Returns:
        (S, S) float32 in 0..1; nowhere above ``visible`` softened, and zero on the crop's border.
    """
    settings = settings or MaskSettings()
    if outline.ndim != 2 or outline.shape[0] != outline.shape[1] or outline.shape[0] < 4:
        raise ValueError(f"a mask is (S, S) with S >= 4, got {outline.shape}")
    if visible is not None and visible.shape != outline.shape:
        raise ValueError(f"the two masks differ in shape: {outline.shape} and {visible.shape}")
    size = longer_side(outline)
    mask = feather(erode(outline, settings, size), settings.feather * size)
    if visible is not None:
        mask *= soften(visible, settings.occlusion_feather * size)
    return mask


def bounding_box(mask: Mask) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (half open, px) of where the mask is above 0; None where it is nowhere."""
    rows, columns = (np.flatnonzero(mask.max(axis=axis) > 0) for axis in (1, 0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def longer_side(mask: Mask) -> int:
    """The longer side of the mask's support in px; 0 for an empty mask."""
    box = bounding_box(mask)
    return 0 if box is None else max(box[2] - box[0], box[3] - box[1])


def erode(mask: Mask, settings: MaskSettings, size: int) -> Mask:
    """Move the mask's sides inwards (or outwards where negative), each by its share of ``size`` px."""
    shares = (settings.top, settings.bottom, settings.left, settings.right)
    top, bottom, left, right = (round(share * size) for share in shares)
    mask = np.array(mask, np.float32)
    if max(top, bottom, left, right) > 0:
        element, anchor = _structuring_element(top, bottom, left, right)
        mask = cv2.erode(mask, element, anchor=anchor, borderType=cv2.BORDER_CONSTANT, borderValue=0.0)
    if min(top, bottom, left, right) < 0:
        element, anchor = _structuring_element(-bottom, -top, -right, -left)
        mask = cv2.dilate(mask, element, anchor=anchor)
    return mask


def _structuring_element(top: int, bottom: int, left: int, right: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A box that reaches so many px (0 where negative) from its anchor: separable, hence fast at any size."""
    top, bottom, left, right = (max(0, reach) for reach in (top, bottom, left, right))
    return np.ones((top + bottom + 1, left + right + 1), np.uint8), (left, top)


def feather(mask: Mask, width: float) -> Mask:
    """Let the mask fall to 0 over ``width`` px inside its edge (where it is 0.5) and the crop's border."""
    inside = (mask > 0.5).view(np.uint8)
    inside[[0, -1]] = 0
    inside[:, [0, -1]] = 0
    if width < 1:
        return mask * cv2.erode(np.ones_like(inside), None, borderType=cv2.BORDER_CONSTANT, borderValue=0.0)
    side = max(1, round(width / 4)) | 1
    box = bounding_box(mask)
    if box is None:
        return np.zeros_like(mask)
    # Only where the mask is, with what the blur sees around it.
    left, top, right, bottom = box
    place = slice(max(top - side, 0), bottom + side), slice(max(left - side, 0), right + side)
    rise = np.minimum(cv2.distanceTransform(inside[place], cv2.DIST_L2, 5) / np.float32(width), 1)
    # Distance has a crease along the outline's corners: smooth it before the ramp is bent.
    rise = np.minimum(rise, cv2.blur(rise, (side, side)))
    result = np.zeros_like(mask)
    result[place] = np.minimum(mask[place], rise * rise * (3 - 2 * rise))
    return result


def soften(mask: Mask, width: float) -> Mask:
    """Two box blurs: close to a Gaussian of ``width`` px, at a cost that does not grow with it."""
    side, mask = round(width) | 1, np.asarray(mask, np.float32)
    return mask if side < 3 else cv2.blur(cv2.blur(mask, (side, side)), (side, side))
