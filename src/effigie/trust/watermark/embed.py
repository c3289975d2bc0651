"""Marking frames: the same pattern in all of them, as strong as the texture around every pixel hides."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.errors import UsageError
from effigie.trust.watermark.hiding import contrast, small_size
from effigie.trust.watermark.pattern import carriers, draw

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Strength:
    """How strong the mark is, in grey levels of 255."""

    flat: float = 1.2
    """Root mean square where nothing hides it."""

    texture: float = 0.4
    """Added for every grey level of local contrast."""

    most: float = 3.0
    """Root mean square nowhere exceeded, however rough the place."""

    mean: float = 1.98
    """Root mean square over the frame never exceeded: 1.98 is 42.2 dB."""

    face: float = 1.25
    """Times as strong inside the face mask: what is generated must stay traceable when cut out."""

    def __post_init__(self) -> None:
        if min(self.flat, self.texture, self.most, self.mean, self.face) < 0:
            raise UsageError("strengths of the watermark cannot be negative")


class Marker:
    """Marks the frames of one output, all of one size.

    Args:
        output_id: 48 bits, see :func:`effigie.trust.watermark.new_id`.
        size: (height, width) in pixels.

    Raises:
        UsageError: the id or the size is not possible.

    Example::

        marker = Marker(new_id(), (360, 640))
        marked = marker.mark(image, face_mask)
    """

    def __init__(self, output_id: int, size: tuple[int, int], strength: Strength | None = None) -> None:
        height, width = size
        if height < 1 or width < 1:
            raise UsageError(f"a frame of {width}x{height} pixels cannot be marked")
        self.output_id, self.size = output_id, (height, width)
        self.strength = strength or Strength()
        self._pattern = draw(carriers().spectrum(output_id), height, width)
        # Rounding to whole levels would erase a weak mark and draw contours; noise before rounding keeps it on
        # average. It is the same in all frames, like the mark, and so costs the encoder nothing.
        self._noise = np.random.default_rng(output_id).random((height, width), np.float32) - np.float32(0.5)
        self._small = small_size(height, width)
        self._delta = np.empty((height, width), np.float32)

    def mark(self, image: Image, face_mask: Image | None = None) -> Image:
        """A marked copy of a frame.

        Args:
            image: (H, W, 3) uint8 RGB; left as it is.
            face_mask: (H, W) uint8, 255 inside the generated face; None marks the whole frame alike.
        """
        height, width = self.size
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise UsageError(f"a frame must be ({height}, {width}, 3) uint8, not {image.shape} {image.dtype}")
        amplitude = self._amplitude(image, face_mask)
        delta = cv2.resize(amplitude, (width, height), dst=self._delta, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(delta, self._pattern, dst=delta)
        cv2.add(delta, self._noise, dst=delta)
        brighter = cv2.merge([cv2.add(delta, 0, dtype=cv2.CV_8U)] * 3)
        darker = cv2.merge([cv2.subtract(0, delta, dtype=cv2.CV_8U)] * 3)
        return cv2.subtract(cv2.add(image, brighter), darker)

    def _amplitude(self, image: Image, face_mask: Image | None) -> NDArray[np.float32]:
        """Root mean square of the mark around every place, (h, w) float32, at the size texture is measured."""
        strength = self.strength
        small = cv2.resize(image, self._small, interpolation=cv2.INTER_AREA)
        hidden = contrast(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
        amplitude = np.minimum(strength.flat + strength.texture * hidden, strength.most)
        if face_mask is not None:
            mask = cv2.resize(face_mask, self._small, interpolation=cv2.INTER_AREA).astype(np.float32)
            amplitude *= 1 + (strength.face - 1) / 255 * mask
        over = float(np.sqrt(np.mean(amplitude * amplitude))) / strength.mean
        return amplitude / max(1.0, over)
