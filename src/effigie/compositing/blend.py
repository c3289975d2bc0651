"""Blending of a made face with the footage around it.

All methods share one rule: where the mask is 0 the answer is the background, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.errors import UsageError

Picture = NDArray[np.float32]
Mask = NDArray[np.float32]

MAX_LEVELS = 5  # of the Laplacian pyramid
INSIDE, OUTSIDE = (
    0.5,
    0.2,
)  # of the mask: from the first on the difference is taken as it is, below the second not at all
EXTENSION_SIGMA = 0.04  # of the longer side: how far around a place the difference beside it is averaged
EXTENSION_DETAIL = 3.0  # px of that average's standard deviation: it is taken of pictures no larger than that needs
MIN_LEVEL_SIDE = 8  # px: no pyramid level gets smaller
# How much faster than the mask a band changes over, finest first: fine detail in a narrow zone, so that two
# skins are never seen one through the other; the coarsest over the whole feather.
STEEPNESS = (4.0, 3.0, 2.0, 1.5)


def blend(background: Picture, foreground: Picture, mask: Mask, method: str = "multiband") -> Picture:
    """Blend two pictures.

    Args:
        background: (h, w, 3) float32 in 0..1, the footage.
        foreground: (h, w, 3) float32 in 0..1, the made face.
        mask: (h, w) float32 in 0..1, 1 where the made face shows.
        method: 'feather', 'multiband' or 'poisson'.

    Returns:
        (h, w, 3) float32, about 0..1; equal to the background where the mask is 0.
    """
    if method not in BLEND_METHODS:
        raise UsageError(f"no blend method {method!r}: choose one of {', '.join(BLEND_METHODS)}")
    if background.shape != foreground.shape or background.shape[:2] != mask.shape:
        shapes = f"{background.shape}, {foreground.shape} and {mask.shape}"
        raise ValueError(f"background, face and mask differ in shape: {shapes}")
    if not mask.any():
        return background.copy()
    return BLEND_METHODS[method](background, foreground, mask)


def alpha_blend(background: Picture, foreground: Picture, mask: Mask) -> Picture:
    """Alpha blending."""
    return background + (foreground - background) * _to_three_channels(mask)


def multiband_blend(background: Picture, foreground: Picture, mask: Mask) -> Picture:
    """Each band of frequencies changes over in a zone as wide as its waves (Burt and Adelson 1983).

    One pyramid does, that of the difference: the Laplacian pyramid is linear. The zones lie inside the mask's
    support, or the coarse bands would colour the footage around it. Outside the mask the difference of two unrelated
    walls would colour the jaw: there it is continued from inside.
    """
    inside = (mask > 0).astype(np.float32)
    difference = _extend_from_inside(foreground - background, mask)
    reach, share, bands = inside, mask, []
    for level in range(_pyramid_levels(mask.shape)):
        steepness = STEEPNESS[level] if level < len(STEEPNESS) else 1.0
        smaller = cv2.pyrDown(difference)
        band = difference - cv2.pyrUp(smaller, dstsize=difference.shape[1::-1])
        bands.append(cv2.multiply(band, _to_three_channels(_transition_mask(share, reach, steepness))))
        difference, share, reach = smaller, cv2.pyrDown(share), cv2.pyrDown(reach)
    joined = cv2.multiply(difference, _to_three_channels(_transition_mask(share, reach, 1.0)))
    for band in reversed(bands):
        joined = band + cv2.pyrUp(joined, dstsize=band.shape[1::-1])
    # pyrUp spreads by a pixel or two of each level: the support's last two pixels take that back to nothing.
    rim = np.clip(2 * cv2.blur(inside, (5, 5)) - 1, 0, 1) * inside
    return background + cv2.multiply(joined, _to_three_channels(rim))


def _extend_from_inside(difference: Picture, mask: Mask) -> Picture:
    """The difference where ``mask`` is above a half, and outside what the nearest of it continues into.

    One goes over into the other: a step between them, where lashes or hair cross the edge, would show as a line.
    """
    inside = (mask > INSIDE).astype(np.float32)
    sigma, size = EXTENSION_SIGMA * max(inside.shape), inside.shape[::-1]
    weighted, weight = cv2.multiply(difference, _to_three_channels(inside)), inside
    # Blurred at its own size, a face of 350 pixels spent half of all its compositing here.
    if (shrink := sigma / EXTENSION_DETAIL) > 1:
        small = [max(1, round(side / shrink)) for side in size]
        weighted, weight = (cv2.resize(field, small, interpolation=cv2.INTER_AREA) for field in (weighted, weight))
        sigma = EXTENSION_DETAIL
    spread = cv2.GaussianBlur(cv2.merge([weighted, weight]), (0, 0), sigma)
    outside = cv2.resize(spread[..., :3] / (spread[..., 3:] + np.float32(1e-3)), size)
    share = np.clip((mask - OUTSIDE) / (INSIDE - OUTSIDE), 0, 1)
    return outside + cv2.multiply(difference - outside, _to_three_channels(share))


def _transition_mask(share: Mask, reach: Mask, steepness: float) -> Mask:
    """The mask of one band: steeper than ``share``, and 0 where the blurred support ``reach`` ends."""
    steep = (share - 0.5) * steepness + 0.5
    return np.clip(np.minimum(steep, 2 * reach - 1), 0, 1)


def poisson_blend(background: Picture, foreground: Picture, mask: Mask) -> Picture:
    """Gradient-domain blending: the face keeps its gradients and takes its absolute colour from its rim.

    The membrane (what is added to the face) solves Laplace's equation inside the mask with the difference at
    the rim as its boundary, from coarse to fine, so that a few sweeps a level do.
    """
    membrane = solve_membrane(background - foreground, mask)
    return alpha_blend(background, foreground + membrane, _transition_mask(mask, mask, 2.0))


def solve_membrane(difference: Picture, mask: Mask, sweeps: int = 6) -> Picture:
    """The smoothest continuation of ``difference`` (h, w, 3) from the rim of ``mask`` (h, w) inwards."""
    inside = (mask > 0.5).astype(np.float32)
    rim = cv2.dilate(inside, np.ones((5, 5), np.uint8)) - inside
    # A strand of hair or a hand at the rim is no colour of the face: pull in what is far from the usual.
    if (rim > 0).any():
        low, middle, high = np.quantile(difference[rim > 0], (0.25, 0.5, 0.75), axis=0)
        difference = np.clip(difference, middle - (high - low), middle + (high - low), dtype=np.float32)
    values, weights = [cv2.multiply(difference, _to_three_channels(rim))], [rim]
    for _ in range(_pyramid_levels(mask.shape)):
        values.append(cv2.pyrDown(values[-1]))
        weights.append(cv2.pyrDown(weights[-1]))
    weights_total = float(weights[-1].sum()) + 1e-6
    field = np.broadcast_to(values[-1].sum(axis=(0, 1)) / weights_total, values[-1].shape).astype(np.float32)
    for value, weight in zip(reversed(values), reversed(weights), strict=True):
        field = cv2.resize(field, value.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        hold = np.minimum(weight * 4, 1)
        pull = cv2.multiply(value, _to_three_channels(hold / (weight + 1e-6)))
        free = _to_three_channels(1 - hold)
        for _ in range(sweeps):
            field = pull + cv2.multiply(cv2.blur(field, (3, 3)), free)
    return field


def _pyramid_levels(shape: tuple[int, ...]) -> int:
    return max(0, min(MAX_LEVELS, int(np.log2(max(1, min(shape) / MIN_LEVEL_SIDE)))))


def _to_three_channels(mask: NDArray[Any]) -> NDArray[Any]:
    """A mask for three channels: OpenCV multiplies equal shapes far faster than NumPy broadcasts."""
    return cv2.merge([mask, mask, mask])


BLEND_METHODS: dict[str, Callable[[Picture, Picture, Mask], Picture]] = {
    "feather": alpha_blend,
    "multiband": multiband_blend,
    "poisson": poisson_blend,
}
