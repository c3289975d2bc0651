"""Watermark embedder: the same pattern in all frames, as strong as the texture around every pixel hides."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.errors import UsageError
from effigie.media.native_picture import NativePicture
from effigie.provenance.watermark.frames import sample_luma
from effigie.provenance.watermark.geometry import PatternPose, PatternSearch
from effigie.provenance.watermark.jnd_mask import local_contrast, measurement_size
from effigie.provenance.watermark.pattern import carriers, render_pattern
from effigie.provenance.watermark.payload import SYMBOL_COUNT, encode, encode_into
from effigie.provenance.watermark.residual import ResidualAccumulator

Image = NDArray[np.uint8]

SAMPLE_FRAMES, SAMPLE_SPAN_S = 8, 60.0  # of the clip, and from its start, that a codeword is chosen by
_COARSE = 25  # JPEG quality that stands for what an encoder will leave of a picture at half size
_ROUNDING = 1 / 6  # mean square of rounding to whole levels with noise


# Strength of the mark, root mean square in grey levels of 255.
FLAT_LEVEL = 0.45  # where nothing hides it
TEXTURE_LEVEL = 0.5  # added for every grey level of local contrast
MAX_LEVEL = 3.0  # nowhere exceeded, however rough the place, before the face's share is added
MAX_MEAN_LEVEL = 1.96  # of a frame: 42.3 dB
# Of luma marked as it is: it is rounded once, not in RGB and again on the way to luma. With this share the change of
# luma is as large as by that way, and what a detector reads after H.264 at CRF 30 within 3 %.
NATIVE_SHARE = 1.03
HDR_SHARE = 0.75  # a level of PQ is brighter than one of SDR; in 10 bits it reads as well as the rest in 8
FACE_FACTOR = 1.25  # inside the face mask: what is generated must stay traceable when cut out


class WatermarkEmbedder:
    """Embeds the watermark into the frames of one output, all of one size.

    Args:
        output_id: 48 bits, written everywhere as 12 hexadecimal digits.
        size: (height, width) in pixels.
        like: the clip whose pictures these replace. Of the id's codewords the one is taken that this clip speaks
            for by itself: worth a fifth of the mark's strength after rough encoding. The same id, size and clip
            give the same mark.

    Example::

        embedder = WatermarkEmbedder(secrets.randbits(48), (360, 640))
        marked = embedder.embed(image, face_mask)
    """

    def __init__(self, output_id: int, size: tuple[int, int], like: str | Path | None = None) -> None:
        height, width = size
        if height < 1 or width < 1:
            raise UsageError(f"a frame of {width}x{height} pixels cannot be marked")
        self.output_id, self.size = output_id, (height, width)
        codeword = encode(output_id) if like is None else _select_codeword(output_id, Path(like))
        self._pattern = render_pattern(carriers().spectrum(codeword), height, width)
        # Rounding to whole levels would erase a weak mark and draw contours; noise before rounding keeps it on
        # average. It is the same in all frames, like the mark, and so costs the encoder nothing.
        self._noise = np.random.default_rng(output_id).random((height, width), np.float32) - np.float32(0.5)
        self._small = measurement_size(height, width)
        self._delta = np.empty((height, width), np.float32)

    def embed(self, image: Image, face_mask: Image | None = None) -> Image:
        """A marked copy of a frame.

        Args:
            image: (H, W, 3) uint8 RGB; left as it is.
            face_mask: (H, W) uint8, 255 inside the generated face; None marks the whole frame alike.
        """
        height, width = self.size
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise UsageError(f"a frame must be ({height}, {width}, 3) uint8, not {image.shape} {image.dtype}")
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)  # first: one channel is shrunk instead of three
        small = np.asarray(cv2.resize(gray, self._small, interpolation=cv2.INTER_AREA), np.uint8)
        delta = self._levels(small, face_mask)
        cv2.add(delta, self._noise, dst=delta)
        changes = [cv2.convertScaleAbs(bound(delta, 0)) for bound in (np.maximum, np.minimum)]
        brighter, darker = (cv2.cvtColor(change, cv2.COLOR_GRAY2RGB) for change in changes)
        result = cv2.add(image, brighter, dst=brighter)
        return np.asarray(cv2.subtract(result, darker, dst=result), np.uint8)

    def embed_native(self, picture: NativePicture, face_mask: Image | None = None) -> None:
        """Mark a picture as decoded, in place: its luma alone, in steps of its own depth, black to white.

        Args:
            face_mask: (H, W) uint8, upright, as of :meth:`embed`.
        """
        if picture.size != self.size:
            raise UsageError(f"a frame must be {self.size[1]}x{self.size[0]}, not {picture.size[1]}x{picture.size[0]}")
        levels = self._levels(picture.gray(self._small), face_mask)
        share = HDR_SHARE if picture.is_hdr else NATIVE_SHARE if picture.layout.model != "rgb" else 1.0
        picture.add_luma(cv2.multiply(levels, share, dst=levels), self._noise)

    def _levels(self, small: NDArray[np.uint8], face_mask: Image | None) -> NDArray[np.float32]:
        """(H, W) float32 grey levels that the mark adds, not rounded; the array is used again by the next call."""
        height, width = self.size
        amplitude = self._amplitude(small, face_mask)
        delta = cv2.resize(amplitude, (width, height), dst=self._delta, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.multiply(delta, self._pattern, dst=delta), np.float32)

    def _amplitude(self, small: NDArray[np.uint8], face_mask: Image | None) -> NDArray[np.float32]:
        """Root mean square of the mark around every place, (h, w) float32, at the size texture is measured."""
        hidden = local_contrast(small)
        amplitude = np.minimum(FLAT_LEVEL + TEXTURE_LEVEL * hidden, MAX_LEVEL)
        if face_mask is not None:
            mask = cv2.resize(face_mask, self._small, interpolation=cv2.INTER_LINEAR).astype(np.float32)
            amplitude *= 1 + (FACE_FACTOR - 1) / 255 * mask
        allowed = MAX_MEAN_LEVEL**2 - _ROUNDING
        share = min(1.0, np.sqrt(allowed / max(float(np.mean(amplitude * amplitude)), 1e-12)))
        return np.asarray(amplitude * share, np.float32)


def _select_codeword(output_id: int, clip: Path) -> NDArray[np.float32]:
    """The codeword of an id that a clip, unmarked, speaks for most: as it is, and as an encoder may leave it."""
    clean, coarse = ResidualAccumulator(), ResidualAccumulator()
    for frame, _ in sample_luma(clip, SAMPLE_SPAN_S, SAMPLE_FRAMES):
        gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame
        half = gray
        if min(gray.shape) > 1:
            half = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".jpg", half, [cv2.IMWRITE_JPEG_QUALITY, _COARSE])[1]
        clean.add(np.asarray(gray, np.uint8))
        coarse.add(np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8))
    evidence = np.zeros(SYMBOL_COUNT, np.float32)
    for total in (clean, coarse):
        found = PatternSearch(total.residual()).evidence(PatternPose())[:SYMBOL_COUNT]
        evidence += found / max(float(np.linalg.norm(found)), 1e-12)
    return encode_into(output_id, evidence)
