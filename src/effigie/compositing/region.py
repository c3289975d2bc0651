"""The region of a frame that a face covers, and the warps between it and the crop.

Pixel centres lie at whole numbers, as in ``cv2.warpAffine``: a matrix maps frame px (x, y) to crop px (x, y).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]

# Below this many region px per crop px a cubic tap skips crop pixels and the picture aliases: average them first.
MIN_SCALE = 0.75
_INVERSE_LINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, eq=False)
class Region:
    """A box of whole pixels in a frame, half open, and the affine map into it.

    Attributes:
        left, top, right, bottom: frame px, inside the frame; ``right <= left`` where the face is out of sight.
        matrix: (2, 3) float64, crop px to region px.
    """

    left: int
    top: int
    right: int
    bottom: int
    matrix: NDArray[np.float64]

    @classmethod
    def from_crop_box(
        cls, matrix: NDArray[Any], box: tuple[float, float, float, float], frame_size: tuple[int, int], margin: int = 2
    ) -> Region:
        """The region that holds a box of the crop.

        Args:
            matrix: (2, 3) frame px to crop px.
            box: left, top, right, bottom in crop px, half open: the mask's support, or (0, 0, S, S).
            frame_size: width and height of the frame.
            margin: px of footage kept around it.
        """
        inverse = _invert_affine(matrix)
        left, top, right, bottom = box
        # Half a pixel each way: a pixel is a square around its centre.
        corners = np.array([(x - 0.5, y - 0.5) for x in (left, right) for y in (top, bottom)])
        placed = corners @ inverse[:, :2].T + inverse[:, 2]
        width, height = frame_size
        # Clipped before the cast, for a wild matrix puts corners beyond what an int holds.
        low = np.clip(np.floor(placed.min(axis=0)) - margin, 0, (width, height)).astype(int)
        high = np.clip(np.ceil(placed.max(axis=0)) + 1 + margin, 0, (width, height)).astype(int)
        inverse[:, 2] -= low
        return cls(int(low[0]), int(low[1]), int(high[0]), int(high[1]), inverse)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.right - self.left, self.bottom - self.top

    @property
    def is_empty(self) -> bool:
        return self.right <= self.left or self.bottom <= self.top

    @property
    def scale(self) -> float:
        """Frame px per crop px."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def with_crop_size(self, old: int, new: int) -> Region:
        """The same region for a crop that was resized from ``old`` to ``new`` px a side."""
        return Region(self.left, self.top, self.right, self.bottom, rescale_affine(self.matrix, old, new))

    def with_crop_origin(self, left: int, top: int) -> Region:
        """The same region for the crop without its first columns and rows."""
        matrix = self.matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ (left, top)
        return Region(self.left, self.top, self.right, self.bottom, matrix)

    def crop(self, frame: Image) -> Image:
        """A view of the frame's pixels in the box."""
        return frame[self.top : self.bottom, self.left : self.right]

    def paste(self, frame: Image, pixels: Image, mask: NDArray[np.float32]) -> None:
        """Write float ``pixels`` (0..1) into a uint8 ``frame`` where ``mask`` > 0, and nowhere else."""
        target = self.crop(frame)
        rounded = cv2.convertScaleAbs(np.maximum(pixels, 0), alpha=255)
        cv2.copyTo(rounded, (mask > 0).view(np.uint8), target)


def _invert_affine(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """The inverse of a (2, 3) affine matrix; ValueError where there is none."""
    matrix = np.asarray(matrix, np.float64)
    if matrix.shape != (2, 3) or not np.isfinite(matrix).all():
        raise ValueError(f"an align matrix is (2, 3) and finite, got {matrix.tolist()}")
    if abs(np.linalg.det(matrix[:, :2])) < 1e-9:
        raise ValueError(f"the align matrix is flat: {matrix.tolist()}")
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def rescale_affine(matrix: NDArray[np.float64], old: int, new: int) -> NDArray[np.float64]:
    """A (2, 3) map *from* crop px of an ``old`` px crop, rewritten for the crop resized to ``new`` px."""
    factor = old / new
    shift = (factor - 1) / 2
    linear = matrix[:, :2] * factor
    return np.column_stack([linear, matrix[:, 2] + matrix[:, :2] @ (shift, shift)])


def resize_square(image: Image, size: int) -> Image:
    """A square picture at ``size`` px a side: area average downwards, cubic upwards."""
    if image.shape[0] == size:
        return image
    interpolation = cv2.INTER_AREA if size < image.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(image, (size, size), interpolation=interpolation)


def compute_working_size(region: Region, crop_size: int) -> int:
    """The crop size at which one crop px is one region px, or ``crop_size`` if that is no larger."""
    return crop_size if region.scale >= MIN_SCALE else max(4, round(crop_size * region.scale))


def warp_to_region(image: Image, region: Region, interpolation: int = cv2.INTER_CUBIC) -> Image:
    """Warp a crop (S, S) or (S, S, 3) into the region, antialiased when it shrinks.

    A picture's border is continued outwards; a mask (two dimensions) is zero outside the crop.
    """
    size = compute_working_size(region, image.shape[0])
    matrix = rescale_affine(region.matrix, image.shape[0], size)
    border = cv2.BORDER_REPLICATE if image.ndim == 3 else cv2.BORDER_CONSTANT
    return cv2.warpAffine(resize_square(image, size), matrix, region.size, flags=interpolation, borderMode=border)


def warp_to_crop(pixels: Image, region: Region, crop_size: int, size: int) -> Image:
    """The footage under the crop, the crop seen at ``size`` px a side, antialiased; its border is continued outwards.

    Args:
        pixels: (h, w) or (h, w, 3) the region's footage, uint8 or float32.
        region: whose matrix is for a crop of ``crop_size`` px.
        size: px a side of the answer, usually far fewer than the crop's.
    """
    pixels, matrix = _downscale(pixels, region, crop_size, size)
    return cv2.warpAffine(pixels, matrix, (size, size), flags=_INVERSE_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def frame_coverage(region: Region, crop_size: int, size: int) -> NDArray[np.float32]:
    """(size, size): 1 where the frame has pixels under the crop, 0 beyond; arguments as for :func:`warp_to_crop`."""
    (width, height), matrix = _downscaled_size(region, crop_size, size)
    crop = np.ones((height, width), np.float32)
    return np.asarray(cv2.warpAffine(crop, matrix, (size, size), flags=_INVERSE_LINEAR), np.float32)


def _downscale(pixels: Image, region: Region, crop_size: int, size: int) -> tuple[Image, NDArray[np.float64]]:
    """The footage no finer than the crop seen at ``size`` px, and the (2, 3) map from that crop to it."""
    small, matrix = _downscaled_size(region, crop_size, size)
    if small != region.size:
        pixels = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
    return pixels, matrix


def _downscaled_size(region: Region, crop_size: int, size: int) -> tuple[tuple[int, int], NDArray[np.float64]]:
    """Width and height in px to which :func:`_downscale` brings the footage, and the map that it gives."""
    matrix = rescale_affine(region.matrix, crop_size, size)
    step = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    width, height = region.size
    if step <= 1 / MIN_SCALE:
        return region.size, matrix
    small = max(1, round(width / step)), max(1, round(height / step))
    factor = np.array([small[0] / width, small[1] / height])
    matrix = matrix * factor[:, None]
    matrix[:, 2] += (factor - 1) / 2
    return small, matrix


def to_float_image(picture: Image) -> NDArray[np.float32]:
    """A picture (h, w, 3) as float32 in 0..1, whether it came so or as uint8."""
    if picture.dtype == np.uint8:
        return np.multiply(picture, np.float32(1 / 255), dtype=np.float32)
    return np.ascontiguousarray(picture, np.float32)
