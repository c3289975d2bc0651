"""Regions of interest: rotated squares, the affine maps to and from them, crops, and how sharp a crop is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import AffineMatrix, Image


@dataclass(frozen=True)
class Roi:
    """A square in the frame: centre and side in pixels, rotation in radians (clockwise, as image y points down)."""

    x: float
    y: float
    side: float
    angle: float

    def matrix(self, size: int) -> np.ndarray:
        """(2, 3) affine map from frame pixels to a ``size`` x ``size`` picture of the square."""
        scale = size / self.side
        cosine, sine = scale * np.cos(self.angle), scale * np.sin(self.angle)
        x, y = size / 2 - cosine * self.x - sine * self.y, size / 2 + sine * self.x - cosine * self.y
        return np.array([[cosine, sine, x], [-sine, cosine, y]], dtype=np.float32)

    def overlap(self, roi: Roi) -> float:
        """How much of the smaller square the two share, rotation ignored: 0 apart, 1 inside."""
        half_extent = (self.side + roi.side) / 2
        smaller = min(self.side, roi.side)
        width = min(half_extent - abs(self.x - roi.x), smaller)
        height = min(half_extent - abs(self.y - roi.y), smaller)
        return max(width, 0.0) * max(height, 0.0) / smaller**2


def crop(image: Image, matrix: AffineMatrix, size: int) -> np.ndarray:
    """Cut the ``size`` x ``size`` picture that ``matrix`` (frame to crop) describes.

    A strong reduction is done in halves first: bilinear sampling alone would alias.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale >= 0.5:
        return cv2.warpAffine(image, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
    factor = 2 ** int(np.floor(-np.log2(scale)))
    larger = np.asarray(matrix, np.float32) * factor
    larger[:, 2] += (factor - 1) / 2
    side = size * factor
    picture = cv2.warpAffine(image, larger, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)


def resize_matrix(size: int, crop_size: int) -> np.ndarray:
    """(2, 3) map from the pixels of a picture of ``crop_size`` a side to those of the same at ``size``."""
    scale = size / crop_size
    return np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])


def apply_affine(matrix: AffineMatrix, points: np.ndarray) -> np.ndarray:
    """Map (..., 2) points by a (2, 3) matrix; of (..., 3) points z is scaled alike."""
    mapped = points[..., :2] @ matrix[:, :2].T + matrix[:, 2]
    if points.shape[-1] == 2:
        return mapped
    scale = np.hypot(matrix[0, 0], matrix[1, 0])
    return np.concatenate([mapped, points[..., 2:] * scale], axis=-1)


def invert_affine(matrix: AffineMatrix) -> np.ndarray:
    return cv2.invertAffineTransform(np.asarray(matrix, np.float64))


def jitter_matrix(size: int, random: np.random.Generator, degrees: float, scale: float, shift: float) -> np.ndarray:
    """(2, 3) a small random rotation, scale and shift of a ``size`` x ``size`` picture about its middle.

    Args:
        degrees, scale, shift: standard deviations: of the angle, of the scale's logarithm, and of the shift as a share
            of the size.
    """
    angle, zoom = random.normal(0, degrees), np.exp(random.normal(0, scale))
    matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), angle, zoom)
    matrix[:, 2] += random.normal(0, shift * size, 2)
    return np.asarray(matrix)


def sharpness(crop: Image, mask: np.ndarray | None = None) -> float:
    """Variance of the Laplacian (grey levels squared) of (H, W, 3) uint8 RGB, inside ``mask`` (H, W) bool if given."""
    response = cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_16S)
    if mask is not None:
        response = response[mask]
        return float(response.astype(np.float32).var()) if response.size else 0.0
    _, deviation = cv2.meanStdDev(response)
    return float(deviation[0, 0] ** 2)
