"""Pattern of the mark that is anchored to a face: a tile of its own, in centimetres of the head."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from effigie.provenance.watermark.pattern import Carriers, Spectrum, draw_carriers

TILE_CM = 21.0
LOWEST, HIGHEST = 5.5, 24.0  # cycles a tile: waves of 0.9 to 3.8 cm
LOWEST_IN_FACE = 12.0  # of those inside the face: longer waves, of the size of features, cost more of its likeness
KEY = b"effigie watermark 2, anchored"


@functools.cache
def anchored_carriers() -> Carriers:
    """The carriers of the face's tile; more than of the frame's bear known symbols, as poses are found by these."""
    return draw_carriers(KEY, LOWEST, HIGHEST)


def keep_short_waves(spectrum: Spectrum) -> Spectrum:
    """(M,) of :meth:`Carriers.spectrum` without the waves that are too long for the inside of a face."""
    waves = anchored_carriers()
    short = np.hypot(waves.frequency_x, waves.frequency_y) >= LOWEST_IN_FACE
    return np.asarray(spectrum * short, np.complex64)


def render_anchored(spectrum: Spectrum, side: int, per_cm: float) -> NDArray[np.float32]:
    """(side, side) float32 pattern of mean square 1, its phase 0 in the middle.

    Args:
        spectrum: (M,) of :meth:`Carriers.spectrum` of :func:`anchored_carriers`.
        per_cm: pixels a centimetre.
    """
    waves, order = anchored_carriers(), int(HIGHEST)
    grid = np.zeros((2 * order + 1, order + 1), np.complex64)
    grid[waves.frequency_y + order, waves.frequency_x] = spectrum
    places = (np.arange(side) + 0.5 - side / 2) / (per_cm * TILE_CM)
    columns = np.exp(2j * np.pi * np.outer(places, np.arange(order + 1))).astype(np.complex64)
    rows = np.exp(2j * np.pi * np.outer(places, np.arange(-order, order + 1))).astype(np.complex64)
    picture = (rows @ grid @ columns.T).real
    return np.ascontiguousarray(picture / np.sqrt(np.mean(picture**2)), np.float32)
