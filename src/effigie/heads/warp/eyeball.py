"""The eyeball of a portrait behind its lids: white without an iris, an iris whole, and what the lids throw on both.

Of an iris that turns, the portrait hides a part under the lids, and of the white what the iris covers. Both are
completed once: the white from the white around, the iris by its colour at the same distance from its middle. Shadows
and lashes are kept apart, as shares of light, and stay with the lids; the highlight goes half the way, as the window
that it mirrors stays. Put together as they were they are the portrait's own eye again.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.heads.warp.opening import OpeningCoordinates, ramp

IRIS_CM = (0.48, 0.66)  # least and most radius of an iris, cm: they hardly differ between people
SEARCH_CM = 0.12  # cm about the landmarks' place in which the iris is looked for
LIMBUS_CM = 0.07  # cm over which iris goes over into white
UPPER_SHADE, LOWER_SHADE = (0.05, 0.16), (0.02, 0.08)  # cm from the lids where lashes and shadow are, and are not
WHITE_SHARE = 0.72  # of the light of an eye's brighter white, below which a pixel is no white
FILL_CM = (0.12, 0.25, 0.5, 1.2)  # standard deviations with which white is continued, the nearest first
HIGHLIGHT = 32.0  # grey levels over the iris around
HIGHLIGHT_SHARE = 0.5  # of the iris' way
SHADE_RANGE = (0.02, 4.0)
EVEN_SHADE_MOST = 1.0  # the wet edge of a lid shines before a dark iris; before white it would glare
SHADE_FLOOR = 8.0  # grey levels: of black no share can be taken
SHADE_BLUR_CM = 0.3  # along the lids, over which shadows are evened out when the iris has left its place
MOVED_CM = (0.02, 0.15)  # of the iris, not at all and wholly left
MARGIN_CM = 1.3  # around the eye that is prepared


@dataclass(frozen=True)
class Eyeball:
    """One eye of a portrait.

    Attributes:
        corner: (2,) px of the maps' first pixel in the portrait.
        middle: (2,) px of the iris' middle in the portrait.
        scale: the portrait's pixels a cm.
        white: (h, w, 3) float32.
        iris: (h, w, 4) float32: colour, and cover in [0, 1].
        highlight: (h, w, 3) float32, to be added.
        shade, even_shade: (h, w, 3) float32 shares of light, as they are and evened out along the lids.
    """

    corner: np.ndarray
    middle: np.ndarray
    scale: float
    white: np.ndarray
    iris: np.ndarray
    highlight: np.ndarray
    shade: np.ndarray
    even_shade: np.ndarray

    @staticmethod
    def measure(image: Image, place: OpeningCoordinates, iris: np.ndarray, scale: float) -> Eyeball | None:
        """Take apart an eye; None where it is outside the picture or shows no white.

        Args:
            image: (H, W, 3) uint8 RGB.
            iris: (5, >= 2) landmarks, px: middle and rim.
        """
        margin = MARGIN_CM * scale
        ends = place.to_picture(np.array([0.0, 1.0]), np.zeros(2))
        low = np.maximum(np.floor(ends.min(0) - margin), 0).astype(int)
        high = np.minimum(np.ceil(ends.max(0) + margin) + 1, [image.shape[1], image.shape[0]]).astype(int)
        if (high - low < 4).any():
            return None
        patch = image[low[1] : high[1], low[0] : high[0]].astype(np.float32)
        points = np.dstack(np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))).astype(np.float64)
        local = place.to_local(points)
        upper, lower = place.edges(local[..., 0])
        upper_distance, lower_distance = local[..., 1] - upper, lower - local[..., 1]
        clear = np.minimum(ramp(upper_distance, *UPPER_SHADE), ramp(lower_distance, *LOWER_SHADE))
        clear *= (local[..., 0] > 0) & (local[..., 0] < 1)
        middle, radius = _find_iris(patch.mean(2), clear, iris[:, :2] - low, scale)
        distance = np.hypot(*np.moveaxis(points - low - middle, 2, 0)).astype(np.float32)
        soft = max(1.0, LIMBUS_CM * scale)
        cover = np.clip(0.5 + (radius - distance) / soft, 0, 1)
        white = _fill_white(patch, clear, distance > radius + soft / 2, scale)
        if white is None:
            return None
        # Colour of the iris alone: at its rim a pixel shows white as well.
        iris_color = np.clip((patch - (1 - cover[..., None]) * white) / np.maximum(cover[..., None], 0.3), 0, 255)
        rings = _fill_rings(iris_color, clear * (distance < radius), distance / radius)
        bright = (patch - rings).mean(2)
        glints = clear * ramp(bright, 0.5 * HIGHLIGHT, HIGHLIGHT) * (distance < radius)
        highlight = cv2.GaussianBlur(glints, (3, 3), 0)[..., None] * np.maximum(patch - rings, 0) * cover[..., None]
        weight = (clear * (distance < radius + soft))[..., None].astype(np.float32)
        disc = weight * np.clip(iris_color - highlight, 0, 255) + (1 - weight) * rings
        clean = white + cover[..., None] * (disc - white) + highlight
        shade = np.clip((patch + SHADE_FLOOR) / (clean + SHADE_FLOOR), *SHADE_RANGE)
        inside = ((upper_distance > -0.05) & (lower_distance > -0.05)).astype(np.float32)[..., None]
        sigma = (SHADE_BLUR_CM * scale, 0.02 * scale)
        blurred = cv2.GaussianBlur(
            np.minimum(shade, EVEN_SHADE_MOST) * inside, (0, 0), sigma[0], None, max(sigma[1], 0.3)
        )
        total = cv2.GaussianBlur(inside, (0, 0), sigma[0], None, max(sigma[1], 0.3))[..., None]
        even = np.where(total > 0.01, blurred / np.maximum(total, 0.01), 1)
        return Eyeball(
            low.astype(np.float64),
            low + middle,
            scale,
            white,
            np.dstack([disc, cover]).astype(np.float32),
            highlight.astype(np.float32),
            shade.astype(np.float32),
            even.astype(np.float32),
        )

    def draw(self, source: np.ndarray, points: np.ndarray, middle: np.ndarray, turn: np.ndarray) -> np.ndarray:
        """(h, w, 3) float32 the eye, its iris elsewhere.

        Args:
            source: (h, w, 2) px of the portrait whose white and shade are shown.
            points: (h, w, 2) px of the picture made.
            middle: (2,) px of it where the iris' middle is now.
            turn: (2, 2) what the head's motion makes of offsets in the portrait.
        """
        back = np.linalg.inv(turn).T
        offset = (points - middle) @ back
        stays = self.middle + (points - middle) @ back
        white, shade, even = (_sample(part, source - self.corner) for part in (self.white, self.shade, self.even_shade))
        iris = _sample(self.iris, stays - self.corner, outside=0)
        # Where the iris' middle would be, had it stayed between the same parts of the white.
        way = np.median((source - self.middle - offset).reshape(-1, 2), axis=0)
        motion = float(ramp(float(np.hypot(*way)) / self.scale, *MOVED_CM))
        light = _sample(self.highlight, stays - self.corner + (1 - HIGHLIGHT_SHARE) * way, outside=0)
        cover = iris[..., 3:]
        color = white + cover * (iris[..., :3] - white) + light
        shade = shade + np.float32(motion) * (even - shade)
        return np.clip((color + SHADE_FLOOR) * shade - SHADE_FLOOR, 0, 255)

    def iris_source(self, points: np.ndarray, middle: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(h, w, 2) px of the portrait that an iris at ``middle`` is taken from, and (h, w) its cover."""
        source = self.middle + (points - middle) @ np.linalg.inv(turn).T
        return source, _sample(self.iris[..., 3], source - self.corner, outside=0)


def _sample(values: np.ndarray, points: np.ndarray, outside: float | None = None) -> np.ndarray:
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    return np.asarray(cv2.remap(values, points.astype(np.float32), None, cv2.INTER_CUBIC, None, border, outside or 0))


def _find_iris(light: np.ndarray, clear: np.ndarray, iris: np.ndarray, scale: float) -> tuple[np.ndarray, float]:
    """Middle and radius, px, near the landmarks': where it gets light outward most, left and right."""
    guess = iris[0]
    radius = float(np.clip(np.linalg.norm(iris[1:] - guess, axis=1).mean() / scale, *IRIS_CM)) * scale
    smooth = cv2.GaussianBlur(light, (0, 0), max(0.5, 0.03 * scale))
    angle = np.radians(np.concatenate([np.arange(-50, 51, 10), np.arange(130, 231, 10)]))
    ray = np.column_stack([np.cos(angle), np.sin(angle)])
    best, circle = -np.inf, (guess, radius)
    steps = np.arange(-SEARCH_CM, SEARCH_CM + 0.01, 0.03) * scale
    for size in np.linspace(max(IRIS_CM[0] * scale, 0.88 * radius), min(IRIS_CM[1] * scale, 1.12 * radius), 7):
        for x in steps:
            for y in steps / 2:
                centre = guess + np.array([x, y])
                rim = [_sample(smooth, (centre + (size + d) * ray)[None])[0] for d in (-0.08 * scale, 0.08 * scale)]
                visibility = _sample(clear.astype(np.float32), (centre + size * ray)[None])[0]
                far = np.hypot(x, y) / scale
                score = (
                    float((visibility * np.clip(rim[1] - rim[0], -20, 40)).sum() / max(visibility.sum(), 4.0))
                    - 20 * far
                )
                if score > best:
                    best, circle = score, (centre, float(size))
    return circle


def _fill_white(patch: np.ndarray, clear: np.ndarray, outside_iris: np.ndarray, scale: float) -> np.ndarray | None:
    """(h, w, 3) the eye's white, continued where it is hidden."""
    candidates = (clear > 0.5) & outside_iris
    if candidates.sum() < 6:
        return None
    light = patch.mean(2)
    bright = float(np.percentile(light[candidates], 75))
    mask = (clear * outside_iris * (light > WHITE_SHARE * bright)).astype(np.float32)
    if mask.sum() < 4:
        return None
    fill = np.broadcast_to((patch * mask[..., None]).sum((0, 1)) / mask.sum(), patch.shape).astype(np.float32)
    for sigma in reversed(FILL_CM):
        weight = cv2.GaussianBlur(mask, (0, 0), max(0.5, sigma * scale))[..., None]
        average = cv2.GaussianBlur(patch * mask[..., None], (0, 0), max(0.5, sigma * scale)) / np.maximum(weight, 1e-4)
        fill = fill + np.clip(weight / 0.08, 0, 1) * (average - fill)
    return fill + mask[..., None] * (patch - fill)


def _fill_rings(patch: np.ndarray, clear: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(h, w, 3) the colour at the same distance from the middle, in radii, where it is seen."""
    places, colors = [], []
    for start in np.arange(0, 1.0, 0.1):
        ring = (clear > 0.6) & (distance >= start) & (distance < start + 0.1)
        if ring.sum() >= 2:
            places.append(start + 0.05)
            colors.append(np.median(patch[ring], axis=0))
    if not places:
        return np.broadcast_to(np.percentile(patch[distance < 1], 30, axis=0), patch.shape).astype(np.float32)
    channels = [np.interp(distance, places, np.array(colors)[:, channel]) for channel in range(3)]
    return np.dstack(channels).astype(np.float32)
