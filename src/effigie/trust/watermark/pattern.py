"""The pattern: a periodic tile whose harmonics each carry one known sign or one code symbol.

It lives in a frame scaled so that its shorter side is 288 "lines"; resizing a clip does not change it there, and
cropping only scales and shifts it. Which harmonic carries what, and with which sign, follows from a key. The
key is public: anyone may check a file, and the mark is no secret but a pointer to the signed record.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from effigie.trust.watermark.payload import SYMBOLS, encode

LINES = 288
TILE = 240
LOWEST, HIGHEST = 4.3, 14.5  # cycles a tile: 0.018 to 0.06 cycles a line
KEY = b"effigie watermark 1"

Spectrum = NDArray[np.complex64]


@dataclass(frozen=True)
class Carriers:
    """The harmonics in use, half a plane of them: the other half mirrors it.

    Attributes:
        across, down: (M,) cycles a tile, across >= 0.
        shape: (M,) float32 amplitude of each, mean square 1.
        sync: (M,) bool, those whose phase is known.
        known: (M,) complex64 of (±1 ± i)/sqrt(2), the phases of the sync harmonics, and scrambling for the rest.
        slots: (SYMBOLS,) where each symbol lies among the real and imaginary parts of the other harmonics.
    """

    across: NDArray[np.int64]
    down: NDArray[np.int64]
    shape: NDArray[np.float32]
    sync: NDArray[np.bool_]
    known: Spectrum
    slots: NDArray[np.int64]

    def spectrum(self, output_id: int) -> Spectrum:
        """(M,) complex64: the tile that carries an id; every harmonic's mean square is ``shape`` squared."""
        data = np.flatnonzero(~self.sync)
        parts = np.ones(2 * len(data), np.float32)
        parts[self.slots] = encode(output_id)
        signs = np.ones((len(self.sync), 2), np.float32)
        signs[data] = parts.reshape(-1, 2)
        return (self.shape * (self.known.real * signs[:, 0] + 1j * self.known.imag * signs[:, 1])).astype(
            np.complex64
        )


def _random(label: str, count: int) -> NDArray[np.uint64]:
    """Numbers that depend on the key and on nothing else, numpy's version included."""
    return np.frombuffer(hashlib.shake_256(KEY + b"/" + label.encode()).digest(8 * count), "<u8")


@functools.cache
def carriers() -> Carriers:
    """The carriers of the project's key."""
    reach = np.arange(-int(HIGHEST) - 1, int(HIGHEST) + 2)
    across, down = (axis.ravel() for axis in np.meshgrid(reach, reach))
    radius = np.hypot(across, down)
    half = (across > 0) | ((across == 0) & (down > 0))
    use = half & (radius >= LOWEST) & (radius <= HIGHEST)
    across, down, radius = across[use], down[use], radius[use]
    order = np.argsort(_random("order", len(across)), kind="stable")
    sync = np.zeros(len(across), np.bool_)
    sync[order[SYMBOLS // 2 :]] = True
    bits = _random("signs", 2 * len(across)).reshape(-1, 2) >> np.uint64(63)
    signs = 1 - 2 * bits.astype(np.float32)
    slots = np.argsort(_random("slots", SYMBOLS), kind="stable")
    shape = np.ones(len(across), np.float32)
    shape /= np.sqrt(np.mean(shape**2))
    known = ((signs[:, 0] + 1j * signs[:, 1]) / np.sqrt(2)).astype(np.complex64)
    return Carriers(across, down, shape.astype(np.float32), sync, known, slots)


def draw(spectrum: Spectrum, height: int, width: int) -> NDArray[np.float32]:
    """(height, width) float32 pattern of mean square 1 over a frame of that size.

    Args:
        spectrum: (M,) of :meth:`Carriers.spectrum`.
    """
    all_ = carriers()
    grid = np.zeros((2 * int(HIGHEST) + 1, int(HIGHEST) + 1), np.complex64)
    grid[all_.down + int(HIGHEST), all_.across] = spectrum
    scale = LINES / min(height, width)
    x = (np.arange(width) + 0.5) * scale / TILE
    y = (np.arange(height) + 0.5) * scale / TILE
    waves_x = np.exp(2j * np.pi * np.outer(np.arange(int(HIGHEST) + 1), x)).astype(np.complex64)
    waves_y = np.exp(2j * np.pi * np.outer(y, np.arange(-int(HIGHEST), int(HIGHEST) + 1))).astype(
        np.complex64
    )
    picture = (waves_y @ grid @ waves_x).real
    return np.ascontiguousarray(picture / np.sqrt(np.mean(picture**2)), np.float32)
