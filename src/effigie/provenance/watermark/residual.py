"""Watermark residual of frames: what they have in common, less the picture's content.

Frames add up, and as the mark is the same in all of them while the content moves, the mark remains. What stays
of the content is strong in few places (edges) and weak in most. In a bank of band-pass filters every value is
therefore replaced by the score of a Cauchy distribution, v / (v² + s²): what is large is content and counts for
little, what is tiny was wiped out by the encoder and counts for little too. Against dividing by the local
deviation this reads three to five times the energy after H.264 at CRF 33.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
import scipy  # its parts load when they are used
from numpy.typing import NDArray

from effigie.provenance.watermark.jnd_mask import local_contrast, measurement_size
from effigie.provenance.watermark.pattern import REFERENCE_LINES

Plane = NDArray[np.float32]

MAX_ASPECT_RATIO = 4  # times the shorter side; what is longer is cut off
MARGIN = 48  # lines mirrored around the picture, so that opposite sides do not meet in the filters

BAND_CENTERS = (0.016, 0.025, 0.04, 0.063, 0.09)  # cycles a line
ORIENTATIONS = 6
BANDWIDTH, BEAM = 1.6, 1.5
SCORE_SCALE = 0.4  # s, in mean absolute values of the filter's output
CONTRAST_POWER = 0.25  # power of the local contrast that a place counts with: the mark is stronger there


class ResidualAccumulator:
    """Adds up frames, each scaled so that its shorter side is 288 lines."""

    def __init__(self) -> None:
        self.frames = 0
        self._size: tuple[int, ...] | None = None
        self._luma: Plane | None = None

    def add(self, luma: NDArray[np.uint8]) -> bool:
        """Add the luma of one frame, (H, W) uint8; False if its shape differs from the first one's."""
        if self._size is None:
            self._size = luma.shape
        elif luma.shape != self._size:
            return False
        longest = MAX_ASPECT_RATIO * min(luma.shape)
        luma = luma[:longest, :longest]
        height, width = luma.shape
        scale = REFERENCE_LINES / min(height, width)
        size = max(REFERENCE_LINES, round(width * scale)), max(REFERENCE_LINES, round(height * scale))
        small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        if self._luma is None:
            self._luma = np.zeros(small.shape, np.float32)
        cv2.accumulate(small, self._luma)
        self.frames += 1
        return True

    def residual(self) -> Plane:
        """(h, w) float32, the shorter side 288: in arbitrary units, whatever speaks for the pattern."""
        assert self._luma is not None
        return score_bands(np.asarray(self._luma / self.frames, np.float32))


def score_bands(picture: Plane, per_line: float = 1.0, valid: Plane | None = None) -> Plane:
    """The scores of a picture's filter bank, put together again.

    Args:
        picture: (h, w) float32, 0 to 255.
        per_line: pixels a line of the reference, whose waves the filters are made for.
        valid: (h, w) of 0 to 1, what each place counts; everywhere 1 without it.
    """
    height, width = picture.shape
    small = cv2.resize(picture, measurement_size(height, width), interpolation=cv2.INTER_AREA)
    hiding = (0.5 + cv2.resize(local_contrast(small), (width, height))) ** CONTRAST_POWER
    wide = cv2.copyMakeBorder(picture, MARGIN, MARGIN, MARGIN, MARGIN, borderType=cv2.BORDER_REFLECT)
    padded = tuple(scipy.fft.next_fast_len(side, real=True) for side in wide.shape)
    bottom, right = (more - side for more, side in zip(padded, wide.shape, strict=True))
    wide = cv2.copyMakeBorder(wide, 0, bottom, 0, right, borderType=cv2.BORDER_REPLICATE)
    weight = np.zeros(padded, np.float32)
    inside = np.s_[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
    weight[inside] = hiding if valid is None else hiding * valid
    coverage = 1.0 if valid is None else max(float(np.mean(valid)), 1e-6)
    spectrum = scipy.fft.rfft2(wide)
    total = np.zeros_like(spectrum)
    for band in _filter_bank(*padded, per_line):
        value = scipy.fft.irfft2(spectrum * band, s=padded)
        size = np.abs(value) if valid is None else np.abs(value[inside]) * valid / coverage
        level = SCORE_SCALE * float(np.mean(size)) + 1e-6
        total += scipy.fft.rfft2(value * weight / (value * value + level * level)) * band
    return np.ascontiguousarray(scipy.fft.irfft2(total, s=padded)[inside], np.float32)


@functools.lru_cache(maxsize=3)
def _filter_bank(height: int, width: int, per_line: float) -> tuple[Plane, ...]:
    """Transfer functions over the half plane of ``rfft2``: log-Gaussian in frequency, Gaussian in angle."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    radius, angle = np.hypot(across, down) + 1e-9, np.arctan2(down, across)
    bands = []
    for center in BAND_CENTERS:
        ring = np.exp(-(np.log(radius * per_line / center) ** 2) / (2 * np.log(BANDWIDTH) ** 2))
        for turn in range(ORIENTATIONS):
            off = (angle - np.pi * turn / ORIENTATIONS + np.pi / 2) % np.pi - np.pi / 2
            beam = np.exp(-((off * ORIENTATIONS * BEAM / np.pi) ** 2) / 2)
            bands.append((ring * beam).astype(np.float32))
    return tuple(bands)
