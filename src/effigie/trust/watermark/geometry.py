"""Where the pattern lies: its scale and shift in a picture that may have been cropped or stretched.

The tile is periodic, so a picture's correlation with it needs the picture's spectrum at the tile's harmonics
alone, and one small inverse FFT then gives the correlation for all shifts at once. A scale costs two slim
matrix products.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from effigie.trust.watermark.pattern import HIGHEST, TILE, carriers

SCALES = np.exp(np.arange(np.log(0.70), np.log(2.0), 0.008))
"""Of the pattern in the frame's own units: 1 uncropped, 1/0.7 after cropping 30 % off the shorter side."""

_REACH = int(HIGHEST)
_SHIFTS = 64  # a side; over twice the highest harmonic
_SMOOTH = 21  # bins of the spectrum that the noise is averaged over


@dataclass(frozen=True)
class Pose:
    """How the pattern lies: stretched by ``across`` and ``down``, then moved by ``x`` and ``y`` tiles."""

    across: float = 1.0
    down: float = 1.0
    x: float = 0.0
    y: float = 0.0


class Search:
    """Correlates a residual with the pattern at any pose.

    Args:
        residual: (h, w) float32 of :mod:`effigie.trust.watermark.residual`.
    """

    def __init__(self, residual: NDArray[np.float32]) -> None:
        self._residual = residual
        self._size = tuple(scipy.fft.next_fast_len(side, real=True) for side in residual.shape)
        power = np.abs(scipy.fft.rfft2(residual, s=self._size)) ** 2
        both = np.concatenate([power[:, :0:-1][::-1][:, -_SMOOTH:], power], axis=1)
        both[:, :_SMOOTH] = np.roll(power[::-1, 1 : _SMOOTH + 1][:, ::-1], 1, axis=0)
        both = np.fft.fftshift(both, axes=0)
        noise = cv2.blur(both, (_SMOOTH, _SMOOTH), borderType=cv2.BORDER_REFLECT)[:, _SMOOTH:]
        self._noise = np.maximum(np.fft.ifftshift(noise, axes=0), noise.max() * 1e-8)
        self._halves: dict[float, NDArray[np.complex64]] = {}

    def whitened(self, across: float, down: float) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
        """The picture at the harmonics of a pattern so stretched.

        Returns:
            (M,) complex64 whose real and imaginary parts have variance 1 where there is no mark, and (M,)
            float32 proportional to what a mark would add.
        """
        every = carriers()
        height, width = self._residual.shape
        if across not in self._halves:
            self._halves[across] = self._residual @ _waves(width, np.arange(_REACH + 1), across)
        values = _waves(height, np.arange(-_REACH, _REACH + 1), down).T @ self._halves[across]
        u = np.rint(every.across * self._size[1] / (TILE * across)).astype(np.int64)
        v = np.rint(every.down * self._size[0] / (TILE * down)).astype(np.int64)
        deviation = np.sqrt(self._noise[v, u] / 2)
        weight = every.shape / deviation
        weight *= 1 / np.sqrt(np.mean(weight**2))
        return values[every.down + _REACH, every.across] / deviation, weight

    def shifts(self, across: float, down: float) -> NDArray[np.float32]:
        """(64, 64) the known harmonics' correlation in standard deviations, for shifts of 1/64 tile, [y, x]."""
        every = carriers()
        values, weight = self.whitened(across, down)
        sync = every.sync
        grid = np.zeros((_SHIFTS, _SHIFTS), np.complex64)
        grid[every.down[sync], every.across[sync]] = weight[sync] * values[sync] * every.known[sync].conj()
        total = np.fft.ifft2(grid).real * _SHIFTS**2
        return (total / np.sqrt(np.sum(weight[sync] ** 2))).astype(np.float32)

    def candidates(self, count: int) -> list[Pose]:
        """The most likely poses, best first, at different scales or shifts."""
        found: list[tuple[float, Pose]] = []
        for scale in SCALES.tolist():
            field = self.shifts(scale, scale)
            y, x = np.unravel_index(int(np.argmax(field)), field.shape)
            found.append((float(field[y, x]), Pose(scale, scale, x / _SHIFTS, y / _SHIFTS)))
            self._halves.clear()
        found.sort(key=lambda item: -item[0])
        chosen: list[Pose] = []
        for _, pose in found:
            if all(abs(np.log(pose.across / other.across)) > 0.012 for other in chosen):
                chosen.append(pose)
            if len(chosen) == count:
                break
        return chosen

    def refined(self, pose: Pose) -> tuple[float, Pose]:
        """The best pose near one of :meth:`candidates`, width and height stretched apart, and its correlation."""
        best = (-np.inf, pose)
        for step in (0.004, 0.0015):
            centre = best[1]
            for across, down in _around(centre.across, centre.down, step):
                field = self.shifts(across, down)
                y, x = np.unravel_index(int(np.argmax(field)), field.shape)
                if field[y, x] > best[0]:
                    best = (float(field[y, x]), Pose(across, down, x / _SHIFTS, y / _SHIFTS))
        return best[0], best[1]

    def evidence(self, pose: Pose) -> NDArray[np.float32]:
        """(SYMBOLS,) what speaks for every code symbol if the pattern lies so."""
        every = carriers()
        values, weight = self.whitened(pose.across, pose.down)
        turned = values * np.exp(2j * np.pi * (every.across * pose.x + every.down * pose.y))
        data = ~every.sync
        turned, weight, known = turned[data], weight[data], every.known[data]
        parts = np.stack(
            [weight * turned.real * np.sign(known.real), weight * turned.imag * np.sign(known.imag)], axis=1
        )
        return parts.ravel()[every.slots].astype(np.float32)


def _waves(length: int, orders: NDArray[np.int64], scale: float) -> NDArray[np.complex64]:
    """(length, orders) complex64: conjugate harmonics of the tile along one side."""
    places = (np.arange(length) + 0.5) / (TILE * scale)
    return np.exp(-2j * np.pi * np.outer(places, orders)).astype(np.complex64)


def _around(across: float, down: float, step: float) -> Iterator[tuple[float, float]]:
    for i in range(-2, 3):
        for j in range(-2, 3):
            yield across * (1 + i * step), down * (1 + j * step)
