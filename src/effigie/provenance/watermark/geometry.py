"""Geometry of the pattern: its scale and shift in a picture that may have been cropped or stretched.

The tile is periodic, so a picture's correlation with it needs the picture's spectrum at the tile's harmonics
alone, and one small inverse FFT then gives the correlation for all shifts at once. A scale costs two slim
matrix products.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import scipy  # its parts load when they are used
from numpy.typing import NDArray

from effigie.provenance.watermark.pattern import MAX_ORDER, TILE_SIZE, Spectrum, carriers, conjugate_waves

SCALES = np.exp(np.arange(np.log(0.70), np.log(2.0), 0.008))
"""Of the pattern in the frame's own lines: 1 uncropped, 1/0.7 after cropping 30 % off the shorter side."""

_SHIFTS = 128  # along a side of the tile
_OVERSAMPLING = 4  # times the frequencies that the picture's own size gives, for the coarse search
_NOISE_BINS = 21  # bins of the spectrum that the noise is averaged over
_MIN_SCALE_DISTANCE = 0.012  # of two candidates' scales, in logarithms


@dataclass(frozen=True)
class PatternPose:
    """Pose of the pattern: scaled by ``scale_x`` and ``scale_y``, then shifted by ``x`` and ``y`` tiles."""

    scale_x: float = 1.0
    scale_y: float = 1.0
    x: float = 0.0
    y: float = 0.0


class PatternSearch:
    """Correlates a residual with the pattern at any pose.

    Args:
        residual: (h, w) float32 of :mod:`effigie.provenance.watermark.residual`.
    """

    def __init__(self, residual: NDArray[np.float32]) -> None:
        self.residual = residual
        self._size = tuple(scipy.fft.next_fast_len(side, real=True) for side in residual.shape)
        power = np.abs(scipy.fft.rfft2(residual, s=self._size)) ** 2
        # The half plane that rfft2 leaves out mirrors the other: average over the seam as well.
        seam = np.roll(power[::-1, _NOISE_BINS:0:-1], 1, axis=0)
        both = np.fft.fftshift(np.concatenate([seam, power], axis=1), axes=0)
        noise = cv2.blur(both, (_NOISE_BINS, _NOISE_BINS), borderType=cv2.BORDER_REFLECT)[:, _NOISE_BINS:]
        self._noise = np.maximum(np.fft.ifftshift(noise, axes=0), noise.max() * 1e-8 + 1e-30)
        self._dense: Spectrum | None = None
        self._halves: dict[float, Spectrum] = {}

    def harmonics_at(self, scale_x: float, scale_y: float) -> tuple[Spectrum, NDArray[np.float32]]:
        """The picture at the harmonics of a pattern so stretched.

        Returns:
            (M,) complex64 whose real and imaginary parts have variance 1 where there is no mark, and (M,)
            float32 proportional to what a mark would add to them.
        """
        waves = carriers()
        height, width = self.residual.shape
        if scale_x not in self._halves:
            wave = conjugate_waves(width, np.arange(MAX_ORDER + 1), 1 / (TILE_SIZE * scale_x))
            # One product of real matrices takes a third of the time of a real with a complex one.
            both = self.residual @ np.concatenate([wave.real, wave.imag], axis=1)
            self._halves[scale_x] = both[:, : MAX_ORDER + 1] + 1j * both[:, MAX_ORDER + 1 :]
        values = (
            conjugate_waves(height, np.arange(-MAX_ORDER, MAX_ORDER + 1), 1 / (TILE_SIZE * scale_y)).T
            @ self._halves[scale_x]
        )
        weight = self._noise_weight(scale_x, scale_y)
        values = values[waves.frequency_y + MAX_ORDER, waves.frequency_x]
        return values * weight, weight / np.sqrt(np.mean(weight**2))

    def _noise_weight(self, scale_x: float, scale_y: float) -> NDArray[np.float32]:
        """(M,) float32: one over the deviation of the noise at every harmonic."""
        waves = carriers()
        u = np.rint(waves.frequency_x * self._size[1] / (TILE_SIZE * scale_x)).astype(np.int64)
        v = np.rint(waves.frequency_y * self._size[0] / (TILE_SIZE * scale_y)).astype(np.int64)
        return np.asarray(1 / np.sqrt(self._noise[v, u] / 2), np.float32)

    def correlate_shifts(self, scale_x: float, scale_y: float) -> NDArray[np.float32]:
        """(128, 128) the known harmonics' correlation in standard deviations, for shifts of 1/128 tile, [y, x]."""
        pilots = carriers().pilots
        values, weight = self.harmonics_at(scale_x, scale_y)
        return _correlate(values[pilots], weight[pilots])

    def correlate_shifts_coarse(self, scale: float) -> NDArray[np.float32]:
        """Nearly the same for one scale both ways, in a fraction of the time, from one dense spectrum."""
        waves = carriers()
        tall, wide = (scipy.fft.next_fast_len(_OVERSAMPLING * side, real=True) for side in self.residual.shape)
        if self._dense is None:
            self._dense = scipy.fft.rfft2(self.residual, s=(tall, wide))
        u = waves.frequency_x[waves.pilots] * (wide / (TILE_SIZE * scale))
        v = waves.frequency_y[waves.pilots] * (tall / (TILE_SIZE * scale))
        values = self._dense[np.rint(v).astype(np.int64), np.rint(u).astype(np.int64)]
        # Between the nearest frequency and the right one the picture's middle turns by a known angle.
        height, width = self.residual.shape
        turns = (u - np.rint(u)) * width / (2 * wide) + (v - np.rint(v)) * height / (2 * tall)
        turns += (np.rint(u) / wide + np.rint(v) / tall) / 2  # pixels' middles
        weight = self._noise_weight(scale, scale)[waves.pilots]
        return _correlate(values * weight * np.exp(-2j * np.pi * turns), weight)

    def find_candidates(self, count: int) -> Iterator[PatternPose]:
        """The most likely poses, best first, at different scales, each refined."""
        peaks = [(float(self.correlate_shifts_coarse(scale).max()), scale) for scale in SCALES.tolist()]
        scales: list[float] = []
        for _, scale in sorted(peaks, reverse=True):
            if all(abs(np.log(scale / previous)) > _MIN_SCALE_DISTANCE for previous in scales):
                scales.append(scale)
                yield self._refine_scale(scale)
            if len(scales) == count:
                return

    def _find_peak(self, scale_x: float, scale_y: float) -> tuple[float, PatternPose]:
        field = self.correlate_shifts(scale_x, scale_y)
        y, x = divmod(int(np.argmax(field)), _SHIFTS)
        return float(field[y, x]), PatternPose(scale_x, scale_y, x / _SHIFTS, y / _SHIFTS)

    def _refine_scale(self, scale: float) -> PatternPose:
        """The best pose near a scale, width and height stretched apart: files have whole, often even, sides."""
        best = self._find_peak(scale, scale)
        for step in (0.006, 0.003, 0.0015):
            center = best[1]
            for i, j in itertools.product(range(-1, 2), repeat=2):
                peak = self._find_peak(center.scale_x * (1 + i * step), center.scale_y * (1 + j * step))
                best = max(best, peak, key=lambda item: item[0])
        self._halves.clear()
        return best[1]

    def evidence(self, pose: PatternPose) -> NDArray[np.float32]:
        """(SYMBOL_COUNT + pilots,) what speaks for every code symbol, then for the known ones, if it lies so."""
        waves = carriers()
        values, weight = self.harmonics_at(pose.scale_x, pose.scale_y)
        turns = waves.frequency_x * pose.x + waves.frequency_y * pose.y
        harmonics = weight * values * np.exp(2j * np.pi * turns)
        parts = np.stack([harmonics.real, harmonics.imag], axis=1) * waves.scramble
        return np.asarray(parts.ravel()[waves.slots], np.float32)


def _correlate(values: Spectrum, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """(128, 128) correlation with the known symbols, in standard deviations, for all shifts at once."""
    waves = carriers()
    pilots = waves.pilots
    grid = np.zeros((_SHIFTS, _SHIFTS), np.complex64)
    signs = waves.scramble[pilots, 0] - 1j * waves.scramble[pilots, 1]
    grid[waves.frequency_y[pilots], waves.frequency_x[pilots]] = weight * values * signs
    total = scipy.fft.ifft2(grid).real * _SHIFTS**2
    return np.asarray(total / np.sqrt(2 * np.sum(weight**2)), np.float32)
