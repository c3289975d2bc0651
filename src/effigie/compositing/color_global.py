"""Global colour transfers, which change all of a face alike: summaries of a picture, and the map from one to another.

Each ``measure_*`` takes a picture (R, R, 3) RGB float32 in 0..1 and weights (R, R), and each ``apply_*`` a face
(S, S, 3) and two of the summaries; statistics are means or quantiles, so that they may be averaged in time.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Array = NDArray[Any]

TRIM = 0.02  # share of the pixels at either end of the brightness that does not count
HALF_SIZE_FROM = 128  # px a side from which a face's chroma is changed at half its size
GAIN_LIMITS = (0.5, 2.0)  # of a contrast gain: what lies beyond is a mouth, a glint or a hand, not light


def _trim_weights(picture: Picture, weight: Array) -> Array:
    """The weights, zero for the darkest and brightest: nostrils, an open mouth, pupils, glints."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    counted = weight > 0.5 * weight.max()
    low, high = np.quantile(gray[counted], (TRIM, 1 - TRIM))
    trimmed = weight * ((gray >= low) & (gray <= high))
    return trimmed if trimmed.sum() > 0 else weight


# Reinhard: mean and spread of each CIE LAB channel.


def measure_reinhard(picture: Picture, weight: Array) -> Array:
    """(2, 3) mean and spread of each LAB channel, the darkest and brightest pixels left out."""
    weight, lab = _trim_weights(picture, weight)[..., None], cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    mean = (lab * weight).sum(axis=(0, 1)) / weight.sum()
    variance = ((lab - mean) ** 2 * weight).sum(axis=(0, 1)) / weight.sum()
    return np.stack([mean, np.sqrt(variance)]).astype(np.float32)


def apply_reinhard(face: Picture, source: Array, target: Array) -> Picture:
    """The face after the map that takes ``source`` to ``target``."""
    gain = np.clip(target[1] / np.maximum(source[1], 1e-3), *GAIN_LIMITS)
    shift = target[0] - gain * source[0]
    affine = np.column_stack([np.diag(gain), shift])
    return cv2.cvtColor(cv2.transform(cv2.cvtColor(face, cv2.COLOR_RGB2LAB), affine), cv2.COLOR_LAB2RGB)


def reduce_chroma(face: Picture, source: Array, target: Array) -> Picture:
    """The face with its colours weakened where the footage's differ less among themselves; lightness stays.

    White stays white, and nothing is strengthened: what is spread wider in the footage is another face's lips and eyes.
    A large face's colours are changed at half its size, which is as fine as video keeps them.
    """
    if min(face.shape[:2]) >= HALF_SIZE_FROM:
        half = cv2.resize(face, (face.shape[1] // 2, face.shape[0] // 2), interpolation=cv2.INTER_AREA)
        return face + cv2.resize(_reduce_chroma(half, source, target) - half, face.shape[1::-1])
    return _reduce_chroma(face, source, target)


def _reduce_chroma(face: Picture, source: Array, target: Array) -> Picture:
    """:func:`reduce_chroma` at the face's own size."""
    gain = np.clip(target[1] / np.maximum(source[1], 1e-3), GAIN_LIMITS[0], 1)
    weaker = np.diag([1, gain[1], gain[2]]).astype(np.float32)
    return cv2.cvtColor(cv2.transform(cv2.cvtColor(face, cv2.COLOR_RGB2LAB), weaker), cv2.COLOR_LAB2RGB)


# Histogram: the quantile function of each CIE LAB channel. Averaging quantile functions moves the histogram as a whole,
# where averaging histograms would fade one into the other.

_QUANTILES = np.linspace(TRIM, 1 - TRIM, 33)
_TABLE_SIZE = 1024
_LAB_LOW, _LAB_SPAN = np.array([0, -128, -128], np.float32), np.array([100, 255, 255], np.float32)


def measure_histogram(picture: Picture, weight: Array) -> Array:
    """(33, 3) quantiles of each LAB channel, scaled to 0..1."""
    lab = (cv2.cvtColor(picture, cv2.COLOR_RGB2LAB) - _LAB_LOW) / _LAB_SPAN
    counted = weight > 0.5 * weight.max()
    return np.quantile(lab[counted], _QUANTILES, axis=0).astype(np.float32)


def apply_histogram(face: Picture, source: Array, target: Array) -> Picture:
    """The face after the map that takes ``source`` to ``target``."""
    lab = (cv2.cvtColor(face, cv2.COLOR_RGB2LAB) - _LAB_LOW) * (np.float32(_TABLE_SIZE - 1) / _LAB_SPAN)
    index = np.clip(np.rint(lab), 0, _TABLE_SIZE - 1).astype(np.uint16)
    grid = np.linspace(0, 1, _TABLE_SIZE)
    matched = np.empty_like(lab)
    for channel in range(3):
        table = _monotone_map(grid, source[:, channel], target[:, channel])
        values = (table * _LAB_SPAN[channel] + _LAB_LOW[channel]).astype(np.float32)
        matched[..., channel] = values[index[..., channel]]
    return cv2.cvtColor(matched, cv2.COLOR_LAB2RGB)


def _monotone_map(grid: Array, source: Array, target: Array) -> Array:
    """The map of quantiles to quantiles on a grid; its slope is limited, or flat tones tear into bands."""
    rise = np.diff(target)
    run = np.clip(np.diff(source), rise / GAIN_LIMITS[1], np.maximum(rise / GAIN_LIMITS[0], 1e-5))
    # Stretching a run moves all that follows: keep the middle quantile where it is.
    knots = np.concatenate([[0], np.cumsum(run)])
    middle = len(source) // 2
    knots += source[middle] - knots[middle]
    inner = np.interp(grid, knots, target)
    return inner + np.minimum(grid - knots[0], 0) + np.maximum(grid - knots[-1], 0)


# Covariance: the linear map of least movement from one Gaussian to another (Monge and Kantorovich; Pitié 2007).


def measure_covariance(picture: Picture, weight: Array) -> Array:
    """(4, 3) mean RGB and, below it, the covariance."""
    weights = _trim_weights(picture, weight).ravel().astype(np.float64)
    pixels = picture.reshape(-1, 3).astype(np.float64)
    mean = weights @ pixels / weights.sum()
    centered = pixels - mean
    return np.vstack([mean, (centered * weights[:, None]).T @ centered / weights.sum()]).astype(np.float32)


def apply_covariance(face: Picture, source: Array, target: Array) -> Picture:
    """The face after the map that takes ``source`` to ``target``."""
    floor = np.eye(3) * 1e-5  # (0.8 grey levels)²: a grey picture's flat colour axes stay finite
    root = _matrix_sqrt(source[1:] + floor)
    back = np.linalg.inv(root)
    gain = back @ _matrix_sqrt(root @ (target[1:] + floor) @ root) @ back
    values, vectors = np.linalg.eigh(gain)
    gain = (vectors * np.clip(values, *GAIN_LIMITS)) @ vectors.T
    return cv2.transform(face, np.column_stack([gain, target[0] - gain @ source[0]]))


def _matrix_sqrt(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
