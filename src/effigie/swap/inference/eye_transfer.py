"""Eyeballs of the made face from the target's footage: gaze, white and highlights are the footage's, the iris's color
is the source's.

An eyeball says where somebody looks and where the light stands, both of which belong to the footage; of whose it is
only the iris's color says much. Warped eyes of the source look where the source looked: landmarks of an iris depend on
whose eye it is by 0.03 to 0.05 of the eye's width.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import EYE_CORNERS, LEFT_EYE, LEFT_IRIS, LID_PAIRS, RIGHT_EYE, RIGHT_IRIS
from effigie.faces.warp import MeshWarper, mask_bounds

SHUT, OPEN = 0.06, 0.14  # lid gap over eye width: up to the first an eye counts as shut, from the second on as open
# Of the eye's width: how far the lashes of shut lids reach up and down from the line where they meet, and past corners.
LASHES_UP, LASHES_DOWN, LASHES_BESIDE = 0.05, 0.11, 0.06
EDGE_SIGMA = 0.025  # of the eye's width: how softly the eyeball ends at the lids
RING_INNER, RING_OUTER = 1.3, 2.0  # of the eye: the skin around it by whose light the eyeball is lit
PUPIL_SHARE, LIMBUS_SHARE = 0.45, 0.95  # of the iris's radius: between these lies the color
MIN_IRIS_PIXELS = 8
WHITE_PERCENTILE = 85  # of the brightness between the lids: the white of the eye
PUPIL_PERCENTILE = 4
MIN_CONTRAST = 0.08  # between white and iris, below which the two are not told apart by brightness
MAX_SHIFT, SEARCH_SHARE = 0.5, 1.5  # of the radius: how far an iris is from where landmarks have it, and looked for
GAIN_RANGE = (0.4, 2.5)  # of the light around the eye
IRIS_RANGE = (0.3, 3.5)  # of the iris's color


def transfer_eyes(
    interior: Image, render: Image, footage: Image, landmarks: Landmarks, warper: MeshWarper, with_lashes: bool = False
) -> None:
    """Put the footage's eyeballs between the made face's lids, in the footage's light.

    Args:
        interior: (S, S, 4) float32 in [0, 1], picture and weight; changed where the eyes are.
        render: (S, S, 3) float32 in [0, 1], of which the irises' color is taken.
        footage: (S, S, 3) uint8, the target's face in the same crop, with its (478, 3) ``landmarks``.
        warper: the made face's geometry.
        with_lashes: whether lashes of shut lids are the footage's, too: where the source's eyes are never shut.
    """
    target, size = warper.target, warper.size
    eyes = zip((LEFT_EYE, RIGHT_EYE), (LEFT_IRIS, RIGHT_IRIS), LID_PAIRS, EYE_CORNERS, strict=True)
    for outline, iris, (upper, lower), corners in eyes:
        width = float(np.hypot(*(target[corners[0], :2] - target[corners[1], :2])))
        opening = np.linalg.norm(target[upper, :2] - target[lower, :2], axis=1).mean() / max(width, 1e-6)
        shut = 1 - float(np.clip((opening - SHUT) / (OPEN - SHUT), 0, 1))
        ring = _ring_mask(target[outline, :2], size)
        box = mask_bounds(ring)
        if box is None or (shut == 1 and not with_lashes):
            continue
        lids = polygon_mask(target[outline, :2].astype(np.float32), size, size)[box]
        warped = warper.warp(footage, landmarks, box)
        eye = warped.image / np.float32(255)
        # The skin around says what the made face's light is to the footage's.
        skin = ring[box] > 0.5
        own = render[box] * _ratio(eye, render[box], skin, skin, GAIN_RANGE)
        cover = lids * np.float32(1 - shut)
        if with_lashes:
            cover = polygon_mask(_lash_outline(target[:, :2], upper, lower, corners, shut), size, size)[box]
        weight = cv2.GaussianBlur(cover, (0, 0), max(0.6, EDGE_SIGMA * width)) * warped.visibility
        irises = lids * np.float32(1 - shut)
        interior[box][..., :3] = _tint_iris(eye, own, irises, target[iris, :2] - [box[1].start, box[0].start])
        interior[box][..., 3] = np.maximum(interior[box][..., 3], weight)


def _tint_iris(eye: Image, own: Image, lids: np.ndarray, iris: np.ndarray) -> Image:
    """``eye`` with its iris, (5, 2) px, centre first, in the color that it has in ``own``, by as much as ``lids``.

    White and highlights keep their color: landmarks of an iris miss it by up to a third of its radius, and a dark iris
    made light would leave a glaring crescent in the white beside it.
    """
    radius = max(float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean()), 1e-3)
    light, inside = eye.mean(axis=2), lids > 0.5
    center = iris[0].astype(np.float32)
    own_ring = inside & _ring(_distance(light, center, radius))
    if own_ring.sum() < MIN_IRIS_PIXELS:
        return eye
    white = np.percentile(light[inside], WHITE_PERCENTILE)
    contrast = white - np.median(light[own_ring])
    dark = np.ones_like(light)
    if contrast > MIN_CONTRAST:
        dark = np.clip((white - light) / contrast, 0, 1)
        center = _refine_center(dark * inside, center, radius)
    distance = _distance(light, center, radius)
    ring = inside & _ring(distance) & (dark > 0.5)
    if ring.sum() < MIN_IRIS_PIXELS:
        return eye
    disc = (np.clip((1.1 - distance) / 0.2, 0, 1) * dark * lids)[..., None]
    # At the limbus, where iris and white mix, only the iris's part changes: not what is lighter than it.
    part = np.minimum(eye, np.median(eye[ring], axis=0))
    tint = _ratio(own, eye, own_ring, ring, IRIS_RANGE)
    most = _place_brightness(own, own_ring, inside, eye)
    if most is not None:
        tint *= min(1.0, most / max(float(np.median((eye * tint)[ring].mean(axis=1))), 1e-3))
    return np.asarray(eye + disc * part * (np.clip(tint, *IRIS_RANGE) - 1))


def _place_brightness(own: Image, own_ring: np.ndarray, inside: np.ndarray, eye: Image) -> float | None:
    """How bright the iris of ``own`` is in ``eye`` at most: as far between darkest and white as it is in its own eye.

    A soft picture lightens a small iris by what is around it, and its pupil with it. None where there is no white.
    """
    levels = [PUPIL_PERCENTILE, WHITE_PERCENTILE]
    (own_dark, own_white), (dark, white) = (np.percentile(one.mean(axis=2)[inside], levels) for one in (own, eye))
    if min(own_white - own_dark, white - dark) < MIN_CONTRAST:
        return None
    share = np.clip((np.median(own.mean(axis=2)[own_ring]) - own_dark) / (own_white - own_dark), 0, 1)
    return float(dark + share * (white - dark))


def _refine_center(dark: np.ndarray, center: np.ndarray, radius: float) -> np.ndarray:
    """(2,) px: the middle of what is dark about an iris's ``center``, at most MAX_SHIFT of its radius from it."""
    rows, columns = np.indices(dark.shape, np.float32)
    weight = dark * (_distance(dark, center, radius) < SEARCH_SHARE)
    if weight.sum() < MIN_IRIS_PIXELS:
        return center
    shift = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum() - center
    shift[1] = 0  # lids hide the upper part, seldom the lower one: the middle of what shows lies too low
    return np.asarray(center + np.clip(shift, -MAX_SHIFT * radius, MAX_SHIFT * radius), np.float32)


def _distance(like: np.ndarray, center: np.ndarray, radius: float) -> np.ndarray:
    """(H, W) float32: distance from ``center`` in radii."""
    rows, columns = np.indices(like.shape, np.float32)
    return np.asarray(np.hypot(columns - np.float32(center[0]), rows - np.float32(center[1])) / np.float32(radius))


def _ring(distance: np.ndarray) -> np.ndarray:
    """Where the color of an iris is."""
    return (distance > PUPIL_SHARE) & (distance < LIMBUS_SHARE)


def _lash_outline(
    landmarks: np.ndarray, upper: np.ndarray, lower: np.ndarray, corners: tuple[int, int], shut: float
) -> np.ndarray:
    """(n, 2) float32 px: the lids' outline, grown over the lashes by as much as the eye is ``shut``, 0..1."""
    first, last = landmarks[corners[0]], landmarks[corners[1]]
    across = last - first
    up = np.array([across[1], -across[0]])
    up *= np.sign((landmarks[upper] - landmarks[lower]).mean(0) @ up) or 1
    bend = np.sin(np.linspace(0.15, 0.85, len(upper)) * np.pi)[:, None] * shut
    over, under = landmarks[upper] + LASHES_UP * bend * up, landmarks[lower] - LASHES_DOWN * bend * up
    corner_offset = LASHES_BESIDE * shut * across
    return np.concatenate([[first - corner_offset], over, [last + corner_offset], under[::-1]]).astype(np.float32)


def _ratio(
    reference: Image,
    picture: Image,
    reference_pixels: np.ndarray,
    picture_pixels: np.ndarray,
    limits: tuple[float, float],
) -> np.ndarray:
    """(3,) float32 factors from the colors of ``picture`` to those of ``reference``; of medians: rims do not count."""
    if not reference_pixels.any() or not picture_pixels.any():
        return np.ones(3, np.float32)
    ratio = (np.median(reference[reference_pixels], axis=0) + 0.02) / (
        np.median(picture[picture_pixels], axis=0) + 0.02
    )
    return np.clip(ratio, *limits).astype(np.float32)


def _ring_mask(outline: np.ndarray, size: int) -> np.ndarray:
    """(size, size) float32: skin around an eye."""
    middle = outline.mean(0)
    # A shut eye is a line: the ring is as high as half its width at least.
    offset = outline - middle
    offset[:, 1] *= max(1.0, 0.5 * np.ptp(offset[:, 0]) / max(np.ptp(offset[:, 1]), 1e-3))
    inner, outer = (
        polygon_mask((middle + grow * offset).astype(np.float32), size, size) for grow in (RING_INNER, RING_OUTER)
    )
    return np.asarray(outer - inner)
