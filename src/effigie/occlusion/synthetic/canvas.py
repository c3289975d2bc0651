"""Drawing tools for occluders: layers, noise, textures, shaded capsules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.faces.mesh import LEFT_EYE, RIGHT_EYE, eye_distance

Picture = NDArray[np.float32]


@dataclass
class OccluderLayer:
    """A layer of colour and alpha in front of a face.

    Attributes:
        color: (S, S, 3) float32 RGB in 0..1; means nothing where ``alpha`` is 0.
        alpha: (S, S) float32 in 0..1, how much of the face it hides.
        casts_shadow: whether it lies so near the skin that it casts a shadow there.
    """

    color: Picture
    alpha: Picture
    casts_shadow: bool = True

    @classmethod
    def empty(cls, size: int) -> OccluderLayer:
        """An empty layer of ``size`` px a side."""
        return cls(np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32))

    def paint(self, color: Picture, alpha: Picture) -> None:
        """Paint ``color`` with ``alpha`` over the layer."""
        share = alpha + self.alpha * (1 - alpha)
        weight = alpha / np.maximum(share, 1e-6)
        self.color += (color - self.color) * weight[..., None]
        self.alpha = share


@dataclass(frozen=True)
class OccluderScene:
    """The face that an occluder is drawn for: its landmarks, skin and light.

    Attributes:
        size: side of the square picture, px.
        landmarks: (478, 2) float32 px.
        skin: (3,) RGB of the face's skin, 0..1.
        light: (3,) unit vector toward the light: x right, y down, z to the viewer.
        texture: gives a piece of some other picture, (size, size, 3) float32 in 0..1.
    """

    size: int
    landmarks: Picture
    skin: Picture
    light: Picture
    texture: Callable[[np.random.Generator], Picture]

    @property
    def eye_distance(self) -> float:
        """The distance between the eyes, px."""
        return max(4.0, eye_distance(self.landmarks))

    @property
    def axes(self) -> tuple[Picture, Picture]:
        """Unit vectors: from the left eye to the right, and down the face."""
        across = self.landmarks[RIGHT_EYE].mean(0) - self.landmarks[LEFT_EYE].mean(0)
        across = across / max(float(np.linalg.norm(across)), 1e-6)
        down = np.array([-across[1], across[0]], np.float32)
        return across.astype(np.float32), down

    def sample_point(self, random: np.random.Generator) -> Picture:
        """(2,) px: a point on the face."""
        pair = self.landmarks[random.integers(0, 468, 2)]
        return np.asarray(pair[0] + random.random() * (pair[1] - pair[0]), np.float32)

    def jitter_point(self, random: np.random.Generator, point: Picture, spread: float) -> Picture:
        """(2,) px: ``point`` moved by chance, ``spread`` distances between the eyes."""
        return (point + random.normal(0, spread, 2) * self.eye_distance).astype(np.float32)


@cache
def pixel_grid(size: int) -> tuple[Picture, Picture]:
    """x and y of every pixel, (size, size) each."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    return x, y


def smooth_noise(random: np.random.Generator, size: int, cells: float, stretch: float = 1.0) -> Picture:
    """(size, size) smooth noise of zero mean and unit spread, ``cells`` bumps across; ``stretch`` stretches it."""
    shape = max(2, round(cells / stretch)), max(2, round(cells))
    small = random.standard_normal(shape, dtype=np.float32)
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC))


def streak_noise(random: np.random.Generator, size: int, degrees: float, cells: float = 60) -> Picture:
    """(size, size) noise drawn out along a direction: hair, brushed metal, wood."""
    side = int(size * 1.5)
    long = smooth_noise(random, side, cells, 14) + 0.5 * smooth_noise(random, side, cells / 4, 8)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, 1)
    matrix[:, 2] -= (side - size) / 2
    return np.asarray(cv2.warpAffine(long, matrix, (size, size), borderMode=cv2.BORDER_REFLECT))


def sample_color(random: np.random.Generator, saturation: float = 0.5) -> Picture:
    """(3,) a random colour: greys, darks and pales as often as bright ones."""
    value = random.beta(1.0, 1.0)
    tint = random.random(3) - 0.5
    color = value + tint * random.random() * saturation * 2 * (0.4 + value)
    return np.clip(color, 0.01, 1).astype(np.float32)


def fabric_texture(random: np.random.Generator, size: int) -> Picture:
    """(size, size, 3) a cloth, wood, print or wall: two or three colours mixed by noise, stripes, checks or dots."""
    x, y = pixel_grid(size)
    angle = random.uniform(0, np.pi)
    stripe_x = x * np.cos(angle) + y * np.sin(angle)
    stripe_y = y * np.cos(angle) - x * np.sin(angle)
    period = random.uniform(3, 30)
    kind = random.integers(0, 6)
    if kind == 0:
        mix = smooth_noise(random, size, random.uniform(2, 30))
    elif kind == 1:
        mix = 2 * np.sin(2 * np.pi * stripe_x / period)
    elif kind == 2:
        mix = np.sign(np.sin(2 * np.pi * stripe_x / period)) + np.sign(np.sin(2 * np.pi * stripe_y / period))
    elif kind == 3:
        mix = 2 * (np.sin(2 * np.pi * stripe_x / period) * np.sin(2 * np.pi * stripe_y / period) > 0.4)
    elif kind == 4:
        mix = streak_noise(random, size, random.uniform(0, 180), random.uniform(20, 80))
    else:
        mix = np.zeros_like(x)  # plain
    share = np.clip(0.5 + 0.5 * mix, 0, 1)[..., None]
    first = sample_color(random)
    second = sample_color(random) if random.random() < 0.6 else np.clip(first * random.uniform(0.5, 1.4), 0, 1)
    cloth = first * (1 - share) + second * share
    weave = 1 + random.uniform(0, 0.12) * random.standard_normal((size, size, 1), dtype=np.float32)
    folds = 1 + random.uniform(0, 0.3) * smooth_noise(random, size, random.uniform(2, 8))[..., None]
    return np.clip(cloth * weave * folds, 0, 1).astype(np.float32)


def draw_capsule(
    layer: OccluderLayer,
    start: Picture,
    end: Picture,
    radii: tuple[float, float],
    surface: Picture,
    light: Picture,
    roundness: float = 0.75,
) -> None:
    """Draw a :func:`draw_tube` of one piece: a limb, a handle, a ball."""
    draw_tube(layer, np.stack([start, end]), radii, surface, light, roundness)


def draw_tube(
    layer: OccluderLayer,
    path: Picture,
    radii: Sequence[float],
    surface: Picture,
    light: Picture,
    roundness: float = 0.75,
) -> None:
    """Draw a shaded tube over a layer.

    Args:
        path: (N, 2) px along its axis, N >= 2.
        radii: px at each of them.
        surface: (S, S, 3) colours in even light.
        light: (3,) toward the light.
        roundness: how much light and dark there is.
    """
    size, most = layer.alpha.shape[0], max(radii) + 2
    low = np.floor(path.min(0) - most).astype(int).clip(0, size)
    high = np.ceil(path.max(0) + most).astype(int).clip(0, size)
    if (high <= low).any():
        return
    window = np.s_[low[1] : high[1], low[0] : high[0]]
    x, y = (axis[window] for axis in pixel_grid(size))
    inside = np.full(x.shape, -np.inf, np.float32)  # px within the surface, of the piece that is nearest
    aside, beneath, width = (np.ones_like(x) for _ in range(3))
    for start, end, first, last in zip(path, path[1:], radii, radii[1:], strict=False):
        axis = end - start
        axis_share = ((x - start[0]) * axis[0] + (y - start[1]) * axis[1]) / max(float(axis @ axis), 1e-6)
        axis_share = np.clip(axis_share, 0, 1)
        dx, dy = x - start[0] - axis_share * axis[0], y - start[1] - axis_share * axis[1]
        radius = first + axis_share * (last - first)
        depth = radius - np.hypot(dx, dy)
        nearer = depth > inside
        inside = np.where(nearer, depth, inside)
        aside, beneath = np.where(nearer, dx, aside), np.where(nearer, dy, beneath)
        width = np.where(nearer, radius, width)
    alpha = np.clip(inside + 0.5, 0, 1).astype(np.float32)
    width = np.maximum(width, 1e-3)
    height = np.sqrt(np.clip(1 - (1 - inside / width) ** 2, 0.02, 1))
    facing = (aside * light[0] + beneath * light[1]) / width + height * light[2]
    # Seen from the front, as bright as anything else: a limb is not darker than the face behind it.
    shade = 1 + roundness * (0.75 * (np.clip(facing, 0, 1.3) - light[2]) - 0.3 * (1 - height))
    part = OccluderLayer(layer.color[window], layer.alpha[window])
    part.paint(np.clip(surface[window] * shade[..., None], 0, 1).astype(np.float32), alpha)
    layer.color[window], layer.alpha[window] = part.color, part.alpha


def to_fixed_point(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """(N, 2) px as OpenCV draws them with four binary digits behind the point."""
    return np.rint(np.clip(points, -4e3, 4e3) * 16).astype(np.int32)


def draw_polygon(size: int, points: NDArray[np.floating]) -> Picture:
    """(size, size) in 0..1 a filled outline of (N, 2) px, antialiased."""
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [to_fixed_point(points)], 255, cv2.LINE_AA, 4)
    return np.asarray(mask / 255, np.float32)


def draw_line(size: int, points: NDArray[np.floating], thickness: float, closed: bool = False) -> Picture:
    """(size, size) in 0..1 a line through (N, 2) px, antialiased; one thinner than a pixel is fainter."""
    mask = np.zeros((size, size), np.uint8)
    cv2.polylines(mask, [to_fixed_point(points)], closed, 255, max(1, round(thickness)), cv2.LINE_AA, 4)
    return np.asarray(mask * (min(1.0, thickness) / 255), np.float32)


def curve_points(start: NDArray[np.floating], direction: float, length: float, bend: float, count: int = 12) -> Picture:
    """(count, 2) px along a curve that sets out at ``direction`` (radians) and turns by ``bend`` in all."""
    angles = direction + bend * np.linspace(0, 1, count)
    steps = np.stack([np.cos(angles), np.sin(angles)], 1) * (length / count)
    return np.asarray(start + np.cumsum(steps, 0), np.float32)


def apply_light(surface: Picture, scene: OccluderScene) -> Picture:
    """(S, S, 3) a surface, or one of a single colour, in the light of the face: brighter on the light's side."""
    x, y = pixel_grid(scene.size)
    slope = ((x - scene.size / 2) * scene.light[0] + (y - scene.size / 2) * scene.light[1]) / scene.size
    brightness = 0.35 + 0.95 * float(scene.skin.max())
    return np.clip(surface * (brightness * (1 + 0.5 * slope))[..., None], 0, 1).astype(np.float32)
