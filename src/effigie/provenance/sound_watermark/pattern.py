"""The sound's mark as a grid: bands of frequency by slots of time, each raised or lowered a little.

A period of 28 slots carries the whole codeword twice, once below 3.9 kHz, which telephones and low bit rates leave,
and once above, and known symbols by which its speed and beginning are found. Then it begins anew. Which cell carries
what follows from a public key, as in pictures.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from effigie.provenance.watermark.pattern import keyed_random
from effigie.provenance.watermark.payload import SYMBOL_COUNT, Symbols

KEY = b"effigie watermark 3, sound"
SLOT_S = 0.08  # seconds
SLOTS = 28  # of a period, 2.24 s
BAND_HZ = 62.5
LOWEST_HZ = 250.0
LOW_BANDS, HIGH_BANDS = 58, 50  # up to 3875 and up to 7000 Hz
BANDS = LOW_BANDS + HIGH_BANDS
EDGES = LOWEST_HZ + BAND_HZ * np.arange(BANDS + 1)
CENTERS = (EDGES[:-1] + EDGES[1:]) / 2

Grid = NDArray[np.float32]
"""(BANDS, SLOTS) a value for each cell of a period."""


@dataclass(frozen=True)
class Layout:
    """What the cells carry.

    Attributes:
        scramble: (BANDS, SLOTS) float32 of -1 and 1, multiplied into what a cell carries.
        low, high: (SYMBOL_COUNT,) the cell of every symbol in either half, an index into the flat grid.
        pilots: cells that carry the known symbol 1.
    """

    scramble: Grid
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    pilots: NDArray[np.int64]

    def render(self, symbols: Symbols) -> Grid:
        """The grid of -1 and 1 that carries a codeword, (SYMBOL_COUNT,) of -1 and 1."""
        cells = np.ones(BANDS * SLOTS, np.float32)
        cells[self.low] = symbols
        cells[self.high] = symbols
        return cells.reshape(BANDS, SLOTS) * self.scramble

    def collect(self, grid: NDArray[np.floating]) -> tuple[Symbols, Symbols]:
        """What speaks for every symbol in the lower and in the upper half of a measured grid, (SYMBOL_COUNT,) each."""
        cells = (grid * self.scramble).ravel().astype(np.float32)
        return cells[self.low], cells[self.high]

    @functools.cached_property
    def reference(self) -> Grid:
        """The grid of the known symbols alone, 0 elsewhere."""
        cells = np.zeros(BANDS * SLOTS, np.float32)
        cells[self.pilots] = 1
        return cells.reshape(BANDS, SLOTS) * self.scramble


@functools.cache
def layout() -> Layout:
    """The layout of the public key."""
    count = BANDS * SLOTS
    scramble = 1 - 2 * (keyed_random(KEY, "signs", count) >> np.uint64(63)).astype(np.float32)
    split = LOW_BANDS * SLOTS
    low = np.argsort(keyed_random(KEY, "low", split), kind="stable")
    high = split + np.argsort(keyed_random(KEY, "high", count - split), kind="stable")
    pilots = np.sort(np.concatenate([low[SYMBOL_COUNT:], high[SYMBOL_COUNT:]]))
    return Layout(scramble.reshape(BANDS, SLOTS), low[:SYMBOL_COUNT], high[:SYMBOL_COUNT], pilots)
