"""The watermark pattern: a periodic tile whose harmonics each carry two signs, known ones or code symbols.

It lives in a frame scaled so that its shorter side is 288 "lines"; resizing a clip does not change it there, and
cropping only scales and shifts it. Which harmonic carries what follows from a key. The key is public: anyone may
check a file, and the mark is no secret but a pointer to the signed record.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from effigie.provenance.watermark.payload import SYMBOL_COUNT

REFERENCE_LINES = 288
TILE_SIZE = 320
MIN_FREQUENCY, MAX_FREQUENCY = 6.4, 22.4  # cycles a tile: 0.02 to 0.07 cycles a line
MAX_ORDER = int(MAX_FREQUENCY)
KEY = b"effigie watermark 1"

# Below 0.02 cycles a line too few harmonics fit into a picture, above 0.07 an encoder keeps too little: measured
# at half size and CRF 33, where the marked picture has 144 lines.

Spectrum = NDArray[np.complex64]


@dataclass(frozen=True)
class Carriers:
    """The harmonics in use, half a plane of them; the other half mirrors it.

    Attributes:
        frequency_x, frequency_y: (M,) cycles a tile, the first >= 0.
        scramble: (M, 2) float32 of -1 and 1, multiplied into what the real and imaginary parts carry.
        slots: (2 M,) where each symbol lies among the parts; behind the SYMBOL_COUNT symbols come known ones, all 1.
    """

    frequency_x: NDArray[np.int64]
    frequency_y: NDArray[np.int64]
    scramble: NDArray[np.float32]
    slots: NDArray[np.int64]

    @functools.cached_property
    def pilots(self) -> NDArray[np.int64]:
        """Indices of the harmonics that carry known symbols only."""
        return self.slots[SYMBOL_COUNT::2] // 2

    def spectrum(self, symbols: NDArray[np.float32]) -> Spectrum:
        """(M,) complex64: the tile that carries a codeword, (SYMBOL_COUNT,) of -1 and 1."""
        parts = np.ones(self.scramble.size, np.float32)
        parts[self.slots[:SYMBOL_COUNT]] = symbols
        signs = parts.reshape(-1, 2) * self.scramble
        return (signs[:, 0] + 1j * signs[:, 1]).astype(np.complex64)


def keyed_random(key: bytes, label: str, count: int) -> NDArray[np.uint64]:
    """Numbers that depend on the key and on nothing else, numpy's version included."""
    return np.frombuffer(hashlib.shake_256(key + b"/" + label.encode()).digest(8 * count), "<u8")


def draw_carriers(key: bytes, lowest: float, highest: float) -> Carriers:
    """The carriers of a key: all harmonics from ``lowest`` to ``highest`` cycles a tile."""
    reach = np.arange(-int(highest), int(highest) + 1)
    x, y = (axis.ravel() for axis in np.meshgrid(reach, reach))
    radius = np.hypot(x, y)
    half = (x > 0) | ((x == 0) & (y > 0))
    use = half & (radius >= lowest) & (radius <= highest)
    x, y = x[use], y[use]
    signs = 1 - 2 * (keyed_random(key, "signs", 2 * len(x)) >> np.uint64(63)).astype(np.float32)
    harmonics = np.argsort(keyed_random(key, "harmonics", len(x)), kind="stable")
    parts = (2 * harmonics[:, None] + np.arange(2)).ravel()
    order = np.argsort(keyed_random(key, "symbols", SYMBOL_COUNT), kind="stable")
    slots = np.concatenate([parts[:SYMBOL_COUNT][order], parts[SYMBOL_COUNT:]])
    return Carriers(x, y, signs.reshape(-1, 2), slots)


@functools.cache
def carriers() -> Carriers:
    """The carriers of the frame's own tile."""
    return draw_carriers(KEY, MIN_FREQUENCY, MAX_FREQUENCY)


def render_pattern(spectrum: Spectrum, height: int, width: int) -> NDArray[np.float32]:
    """(height, width) float32 pattern of mean square 1 over a frame of that size.

    Args:
        spectrum: (M,) of :meth:`Carriers.spectrum`.
    """
    waves = carriers()
    grid = np.zeros((2 * MAX_ORDER + 1, MAX_ORDER + 1), np.complex64)
    grid[waves.frequency_y + MAX_ORDER, waves.frequency_x] = spectrum
    scale = REFERENCE_LINES / min(height, width) / TILE_SIZE
    columns = conjugate_waves(width, np.arange(MAX_ORDER + 1), scale).conj()
    rows = conjugate_waves(height, np.arange(-MAX_ORDER, MAX_ORDER + 1), scale).conj()
    picture = (rows @ grid @ columns.T).real
    return np.ascontiguousarray(picture / np.sqrt(np.mean(picture**2)), np.float32)


def conjugate_waves(length: int, orders: NDArray[np.int64], scale: float) -> Spectrum:
    """(length, orders) complex64: conjugate waves along one side, ``scale`` being tiles a pixel."""
    places = (np.arange(length) + 0.5) * scale
    return np.exp(-2j * np.pi * np.outer(places, orders)).astype(np.complex64)
