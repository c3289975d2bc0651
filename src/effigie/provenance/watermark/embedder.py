"""Watermark embedder: the same pattern in all frames, as strong as the texture around every pixel hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.errors import UsageError
from effigie.media.samples.native_picture import NativePicture
from effigie.provenance.watermark.anchor import Anchor
from effigie.provenance.watermark.clip_sample import ClipSample
from effigie.provenance.watermark.face_marker import FaceMarker
from effigie.provenance.watermark.jnd_mask import local_contrast, measure_similarity, measurement_size
from effigie.provenance.watermark.pattern import carriers, render_pattern
from effigie.provenance.watermark.payload import encode, read_free_bits

Image = NDArray[np.uint8]

_ROUNDING = 1 / 6  # mean square of rounding to whole levels with noise


@dataclass(frozen=True)
class Strength:
    """Strength of the mark, root mean square in grey levels of 255.

    Attributes:
        texture: added to :data:`FLAT_LEVEL` for every grey level of local contrast.
        most: nowhere exceeded, however rough the place, before shares are applied.
        lines: of the shorter side; in larger pictures the most is in proportion less.
        mean: of a frame at most.
        structure: what a frame may lose of SSIM, as estimated at the size texture is measured.
    """

    texture: float
    most: float
    lines: int
    mean: float
    structure: float = 1.0

    def limit(self, height: int, width: int) -> float:
        """The most in a picture of that size, grey levels.

        A cheek is rough in a small picture and smooth in a large one, where blotches would show; there a weaker mark is
        as legible, for each of its waves has more pixels.
        """
        return self.most * min(1.0, self.lines / max(1, min(height, width)))


FLAT_LEVEL = 0.45  # where nothing hides it
# A step of a dark grey level is a larger part of its light: blotches showed on black cloth. The share of strength in
# black, where a picture is large enough to spare it, and the grey level from which it is whole.
DARKEST, DARK = 0.3, 56.0
DARK_LINES = (640, 720)  # of the shorter side: the mark is as strong in black as elsewhere, is as weak as that
SHADE = 1.5  # pixels at the size texture is measured, of what counts as dark
WITHOUT_FACES = Strength(texture=0.7, most=3.6, lines=360, mean=1.96)  # 42.3 dB
WITH_FACES = Strength(texture=0.7, most=3.6, lines=260, mean=1.79, structure=0.018)  # 43.1 dB; SSIM of some 0.989
ALLOWED_LOSS = 0.0102  # of SSIM, where a clip's own frames tell what is lost
_CORRECTION = (0.7, 1.5)  # of the estimate, at least and at most
# Of luma marked as it is: it is rounded once, not in RGB and again on the way to luma. With this share the change of
# luma is as large as by that way, and what a detector reads after H.264 at CRF 30 within 3 %.
NATIVE_SHARE = 1.03
HDR_SHARE = 0.75  # a level of PQ is brighter than one of SDR; in 10 bits it reads as well as the rest in 8
FACE_FACTOR = 1.25  # inside the face mask of a face without an anchor: what is made must stay traceable when cut out
_STRUCTURE = (0.03 * 255) ** 2  # constant of SSIM's contrast term


class WatermarkEmbedder:
    """Embeds the watermark into the frames of one output, all of one size.

    Args:
        output_id: 48 bits, written everywhere as 12 hexadecimal digits.
        size: (height, width) in pixels.
        like: the clip whose pictures these replace. Of the id's codewords the one is taken that this clip speaks
            for by itself: worth a fifth of the mark's strength after rough encoding. The same id, size and clip
            give the same mark.

    Attributes:
        free_bits: which of the id's codewords the mark is.

    Example::

        embedder = WatermarkEmbedder(secrets.randbits(48), (360, 640))
        marked = embedder.embed(image, face_mask)
    """

    def __init__(self, output_id: int, size: tuple[int, int], like: str | Path | None = None) -> None:
        height, width = size
        if height < 1 or width < 1:
            raise UsageError(f"a frame of {width}x{height} pixels cannot be marked")
        self.output_id, self.size = output_id, (height, width)
        sample = None if like is None else ClipSample.read(Path(like))
        codeword = encode(output_id) if sample is None else sample.select_codeword(output_id)
        self.free_bits = read_free_bits(codeword)
        self._pattern = render_pattern(carriers().spectrum(codeword), height, width)
        self._faces = FaceMarker(codeword, self.size)
        # Rounding to whole levels would erase a weak mark and draw contours; noise before rounding keeps it on
        # average. It is the same in all frames, like the mark, and so costs the encoder nothing.
        self._noise = np.random.default_rng(output_id).random((height, width), np.float32) - np.float32(0.5)
        self._small = measurement_size(height, width)
        self._in_black = float(np.interp(min(self.size), DARK_LINES, (1, DARKEST)))
        self._delta, self._blend = (np.empty((height, width), np.float32) for _ in range(2))
        self._allowed_loss = WITH_FACES.structure
        if sample is not None:
            self._allowed_loss *= self._calibrate(sample)

    def embed(self, image: Image, face_mask: Image | None = None, anchors: Sequence[Anchor] = ()) -> Image:
        """A marked copy of a frame.

        Args:
            image: (H, W, 3) uint8 RGB; left as it is.
            face_mask: (H, W) uint8, 255 inside the generated face; None marks the whole frame alike.
            anchors: of the generated faces, in pixels of ``image``; around them the mark is tied to the face.
        """
        height, width = self.size
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise UsageError(f"a frame must be ({height}, {width}, 3) uint8, not {image.shape} {image.dtype}")
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)  # first: one channel is shrunk instead of three
        small = np.asarray(cv2.resize(gray, self._small, interpolation=cv2.INTER_AREA), np.uint8)
        delta = self._levels(small, face_mask, anchors)
        cv2.add(delta, self._noise, dst=delta)
        changes = [cv2.convertScaleAbs(bound(delta, 0)) for bound in (np.maximum, np.minimum)]
        brighter, darker = (cv2.cvtColor(change, cv2.COLOR_GRAY2RGB) for change in changes)
        result = cv2.add(image, brighter, dst=brighter)
        return np.asarray(cv2.subtract(result, darker, dst=result), np.uint8)

    def embed_native(
        self, picture: NativePicture, face_mask: Image | None = None, anchors: Sequence[Anchor] = ()
    ) -> None:
        """Mark a picture as decoded, in place: its luma alone, in steps of its own depth, black to white.

        Args:
            face_mask: (H, W) uint8, upright, as of :meth:`embed`.
            anchors: as of :meth:`embed`, in pixels of the upright picture.
        """
        if picture.size != self.size:
            raise UsageError(f"a frame must be {self.size[1]}x{self.size[0]}, not {picture.size[1]}x{picture.size[0]}")
        levels = self._levels(picture.gray(self._small), face_mask, anchors)
        share = HDR_SHARE if picture.is_hdr else NATIVE_SHARE if picture.layout.model != "rgb" else 1.0
        picture.add_luma(cv2.multiply(levels, share, dst=levels), self._noise)

    def _calibrate(self, sample: ClipSample) -> float:
        """What the estimate of SSIM is to be multiplied by, so that a clip's own frames lose what they may."""
        losses = []
        for gray, anchors in sample.faces_of_size(self.size):
            if not self._faces.select(anchors):
                continue
            small = np.asarray(cv2.resize(gray, self._small, interpolation=cv2.INTER_AREA), np.uint8)
            change = cv2.add(self._levels(small, None, anchors), self._noise)
            losses.append(1 - measure_similarity(gray, np.clip(np.rint(gray + change), 0, 255).astype(np.uint8)))
        if not losses:
            return 1.0
        return float(np.clip(ALLOWED_LOSS / max(float(np.mean(losses)), 1e-6), *_CORRECTION))

    def _levels(
        self, small: NDArray[np.uint8], face_mask: Image | None, anchors: Sequence[Anchor]
    ) -> NDArray[np.float32]:
        """(H, W) float32 grey levels that the mark adds, not rounded; the array is used again by the next call."""
        height, width = self.size
        faces = self._faces.select(anchors)
        amplitude = self._amplitude(small, None if faces else face_mask, faces)
        delta = cv2.resize(amplitude, (width, height), dst=self._delta, interpolation=cv2.INTER_LINEAR)
        pattern = self._pattern
        if faces:
            pattern = self._blend
            np.copyto(pattern, self._pattern)
            self._faces.lay_over(pattern, faces)
        return np.asarray(cv2.multiply(delta, pattern, dst=delta), np.float32)

    def _amplitude(
        self, small: NDArray[np.uint8], face_mask: Image | None, faces: Sequence[Anchor]
    ) -> NDArray[np.float32]:
        """Strength of the mark around every place, (h, w) float32, at the size texture is measured.

        It is the mark's root mean square for a pattern of mean square 1.
        """
        hidden = local_contrast(small)
        strength = WITH_FACES if faces else WITHOUT_FACES
        amplitude = np.minimum(FLAT_LEVEL + strength.texture * hidden, strength.limit(*self.size))
        if self._in_black < 1:
            light = np.minimum(cv2.GaussianBlur(small, (0, 0), SHADE) / np.float32(DARK), 1)
            amplitude *= self._in_black + (1 - self._in_black) * light
        if face_mask is not None:
            mask = cv2.resize(face_mask, self._small, interpolation=cv2.INTER_LINEAR).astype(np.float32)
            amplitude *= 1 + (FACE_FACTOR - 1) / 255 * mask
        energy = amplitude * amplitude
        if faces:
            shares = np.ones(energy.shape, np.float32)
            self._faces.lay_energy(shares, faces)
            energy *= shares
        allowed = strength.mean**2 - _ROUNDING
        share = min(1.0, np.sqrt(allowed / max(float(np.mean(energy)), 1e-12)))
        if faces:
            loss = float(np.mean(energy / (2 * hidden * hidden + energy + _STRUCTURE)))
            share = min(share, np.sqrt(self._allowed_loss / max(loss, 1e-12)))
        return np.asarray(amplitude * share, np.float32)
