"""Sharpness and grain: makes the made face as sharp, and as noisy, as the footage under it.

A made face is softer than footage and has no noise of its own. Per band of a Laplacian pyramid of the
brightness we measure noise (from its smallest coefficients: plain skin) and signal (the energy above it), in
the footage and in the made face, and bring the one to the other: signal by a gain, noise by a gain on small
coefficients and, where there is nothing to amplify, by synthetic grain of the footage's energy.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.errors import UsageError
from effigie.io.stored_names import STORED_NAME

Picture = NDArray[np.float32]
Array = NDArray[Any]

BAND_COUNT = 4  # two at full resolution: what a variance of the Laplacian sees is mostly the first
TILE_SIZE = 512  # px a side of the noise from which grain is cut
EDGE_MARGIN = 5  # px of a band beside the mask's edge, both sides together, that are not measured
MAX_NOISE_GAIN = 1.5  # of small coefficients: more would blow up a network's own texture; grain does the rest
SIGNAL_KNEE = 3.0  # multiples of the made face's noise at which a coefficient is signal
MIN_NOISE = 2e-4  # grey levels 0..1: no band is taken for quieter, a tenth of what rounding to bytes leaves
MAX_NOISE = 0.03  # grey levels 0..1: what is louder is texture, no grain
NOISE_SAMPLES = 8_000  # of a band's pixels, at least, that its noise is measured by: an eighth of the time of all
RELIABLE_PIXELS = 1500  # of a band inside the mask: of a smaller face, features fill it and pass for noise
FINEST_GAIN_FACTOR = 4.0  # multiples of the limit that the finest band's gain may say (see _match_band)
MAX_OVERSHOOT = 0.03  # grey levels 0..1 by which sharpening may leave the range of its 5×5 neighbourhood


@dataclass(frozen=True)
class GrainSettings:
    """How far the made face follows the footage's sharpness and noise.

    Attributes:
        strength: 0..1, 0 leaves the face as it is, 1 matches the footage as far as the limits allow.
        limit: 1..4, the largest gain of a band and the inverse of the smallest: more draws halos.
        interval: frames from one measurement to the next; what was measured holds in between, smoothed as ever.
        noise: 0..1, the share of missing grain that is made up. None by default: measured within one frame, a codec's
            frozen texture passes for grain, and grain made up for it boils.
    """

    strength: float = field(default=0.95, metadata={"range": (0.0, 1.0)})
    limit: float = field(default=2.5, metadata={"range": (1.0, 4.0)})
    noise: float = field(default=0.0, metadata={"range": (0.0, 1.0)})
    interval: int = field(default=1, metadata={STORED_NAME: "every", "range": (1, 25)})

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1 or not 0 <= self.noise <= 1 or not 1 <= self.limit <= 4:
            raise UsageError(
                f"grain: strength and noise are 0..1, limit is 1..4; got {self.strength}, {self.noise} and {self.limit}"
            )
        if self.interval < 1:
            raise UsageError(f"grain is measured every so many frames, 1 or more; got {self.interval}")


def split_bands(picture: Picture) -> list[Array]:
    """The bands of the brightness of (h, w, 3), finest first: two at full size, then half, quarter, ..."""
    return _split_gray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def _split_gray(sharp: Array) -> list[Array]:
    bands = [_finest_band(sharp)]
    gray = sharp - bands[0]
    while len(bands) < BAND_COUNT and min(gray.shape) >= 4:
        smaller = cv2.pyrDown(gray)
        bands.append(gray - cv2.pyrUp(smaller, dstsize=gray.shape[::-1]))
        gray = smaller
    return bands


def _finest_band(gray: Array) -> Array:
    """The finest band: the Laplacian, scaled to 1 at the highest frequency, so that it can be taken off."""
    return cv2.Laplacian(gray, -1, scale=-1 / 8)


def compute_gains(face: list[Array], reference: list[Array], mask: Array, settings: GrainSettings) -> Array:
    """The gains of each band for :func:`apply_grain`; may be averaged in time.

    Returns:
        (BAND_COUNT, 4) float32: gain of small coefficients, gain of large ones, the size at which the one goes over
        into the other, and the amplitude of synthetic grain; 1, 1, 0, 0 where the mask is too small to measure.
    """
    result = np.tile(np.array([1, 1, 0, 0], np.float32), (BAND_COUNT, 1))
    places = np.zeros(0, np.intp)
    for index, (face_band, reference_band) in enumerate(zip(face, reference, strict=True)):
        if index == 0 or mask.shape != face_band.shape:
            mask = cv2.resize(mask, face_band.shape[::-1], interpolation=cv2.INTER_AREA)
            # What the mask leaves in front, rims of glasses first of all, reaches over its edge in every band.
            inside = cv2.erode((mask > 0.9).view(np.uint8), np.ones((EDGE_MARGIN, EDGE_MARGIN), np.uint8))
            places = np.flatnonzero(inside)
        if len(places) < 16:
            continue
        result[index] = _match_band(index, face_band, reference_band, places, settings)
    result[:, 3] = np.sqrt(np.maximum((_band_unmixing() * result[:, 3] ** 2).sum(axis=1), 0))
    return result


def apply_grain(face: Picture, bands: list[Array], gains: Array, frame: int = 0) -> Picture:
    """The face (h, w, 3) float32 in 0..1, of these bands, after the gains and grain of :func:`compute_gains`.

    Args:
        frame: seeds the grain; the same number gives the same grain.
    """
    change: Array | None = None
    for index in reversed(range(len(bands))):
        band, (small, large, knee, grain) = bands[index], gains[index]
        step = band * band
        step /= step + np.float32(knee * knee + 1e-12)
        step *= large - small
        step += small - 1
        step *= band
        if grain > 0:
            step += grain * _crop_tile(band.shape, frame, index)
        if change is not None and change.shape != step.shape:
            change = cv2.pyrUp(change, dstsize=step.shape[::-1])
        change = step if change is None else cv2.add(step, change, dst=step)
    if change is None or not change.any():
        return face
    result = cv2.merge([_limit_overshoot(face, change)] * 3)
    return np.clip(cv2.add(face, result, dst=result), 0, 1, out=result)


def _estimate_noise(coefficients: Array) -> float:
    """The noise's standard deviation, from the quieter third: the rest is pores, stubble and features."""
    size = np.abs(coefficients[:: max(1, len(coefficients) // NOISE_SAMPLES)])
    rank = size.size * 3 // 10
    return max(float(np.partition(size, rank)[rank]) / 0.3853, MIN_NOISE)


def _match_band(index: int, face_band: Array, reference_band: Array, places: Array, settings: GrainSettings) -> Array:
    """One row of :func:`compute_gains`: the gains that bring the energy inside the mask to the footage's.

    Args:
        places: flat indices of the pixels inside the mask.
    """
    limit, strength = settings.limit, settings.strength
    values, target = (band.ravel().take(places) for band in (face_band, reference_band))
    face_noise, reference_noise = _estimate_noise(values), _estimate_noise(target)
    small = np.clip(reference_noise / face_noise, 1 / limit, min(limit, MAX_NOISE_GAIN)) ** strength
    missing = np.sqrt(max(min(reference_noise, MAX_NOISE) ** 2 - (small * face_noise) ** 2, 0.0))
    grain = strength * settings.noise * missing * min(len(places) / RELIABLE_PIXELS, 1) ** 2
    knee = SIGNAL_KNEE * face_noise
    if index == 0:
        # A gain on the finest band is less than it says: little of what it adds lies at the band's top.
        flat, slope = (_finest_band(band).ravel().take(places) for band in (face_band, _shape_signal(face_band, knee)))
    else:
        flat, slope = values, _shape_signal(values, knee)
    base = values + np.float32(small - 1) * flat
    face_energy, reference_energy = _dot(values, values), _dot(target, target)
    added = grain**2 * len(base)
    target_energy = np.clip(
        face_energy ** (1 - strength) * reference_energy**strength,
        face_energy / limit**2,
        face_energy * limit**2 + added,
    )
    # |base + extra·slope|² + grain is quadratic in extra: solve for the wanted energy.
    a, b = _dot(slope, slope), _dot(base, slope)
    c = _dot(base, base) + added - target_energy
    extra = (np.sqrt(max(b * b - a * c, 0.0)) - b) / max(a, 1e-12)
    # Features are never weakened to make room for grain, only where the footage itself is softer.
    max_gain = limit * FINEST_GAIN_FACTOR if index == 0 else limit
    large = np.clip(small + extra, 1.0 if reference_energy > face_energy else 1 / limit, max_gain)
    return np.array([small, large, knee, grain], np.float32)


def _shape_signal(band: Array, knee: float) -> Array:
    """What of a band is signal: its coefficients, those below ``knee`` weakened."""
    squared = band * band
    return np.asarray(band * (squared / (squared + np.float32(knee * knee))))


def _dot(first: Array, second: Array) -> float:
    """The dot product without BLAS, whose threads cost ten times the sum itself on a busy machine."""
    return float(np.einsum("i,i->", first, second))


def _limit_overshoot(face: Picture, change: Array) -> Array:
    """The change, limited so that the result hardly leaves the range of its neighbourhood: no halos."""
    gray = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    square = np.ones((5, 5), np.uint8)
    low, high = cv2.erode(gray, square), cv2.dilate(gray, square)
    gray -= MAX_OVERSHOOT
    low = cv2.subtract(low, gray, dst=low)
    low -= 2 * MAX_OVERSHOOT
    high = cv2.subtract(high, gray, dst=high)
    return cv2.min(cv2.max(change, low), high)


@functools.cache
def _noise_tile(level: int) -> Array:
    """(TILE_SIZE, TILE_SIZE) noise of one band, of amplitude 1. The same on every machine."""
    white = np.random.default_rng((2023, level)).standard_normal((TILE_SIZE, TILE_SIZE), dtype=np.float32)
    top = _finest_band(white)
    tile = top if level == 0 else white - top - cv2.pyrUp(cv2.pyrDown(white - top))
    return tile / tile.std()


@functools.cache
def _band_unmixing() -> Array:
    """(BAND_COUNT, BAND_COUNT) from the noise energy measured in the bands to that of the tiles, for bands overlap."""
    measured = np.zeros((BAND_COUNT, BAND_COUNT))
    for level in range(BAND_COUNT):
        grown = _noise_tile(level)[:128, :128]
        for _ in range(level - 1):
            grown = cv2.pyrUp(grown)
        measured[:, level] = [float(band.var()) for band in _split_gray(grown)]
    return np.linalg.inv(measured)


def _crop_tile(shape: tuple[int, ...], frame: int, level: int) -> Array:
    """Grain of one frame and band: the tile, wrapped around, from a place of the frame's own."""
    top, left = np.random.default_rng((abs(frame), level)).integers(TILE_SIZE, size=2)
    rows, columns = (top + np.arange(shape[0])) % TILE_SIZE, (left + np.arange(shape[1])) % TILE_SIZE
    return _noise_tile(level).take(rows, axis=0).take(columns, axis=1)
