"""Augmentation: light, beards, cameras and codecs, under all of which the face stays visible."""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import INNER_LIPS, OUTER_LIPS
from effigie.occlusion.synthetic.accessories import LOWER_FACE, sample_hair_color
from effigie.occlusion.synthetic.canvas import OccluderScene, pixel_grid, smooth_noise
from effigie.occlusion.synthetic.occluders import motion_blur_kernel


def add_shadow(picture: Image, random: np.random.Generator, scene: OccluderScene) -> np.ndarray:
    """A hard or soft shadow, or a patch of sun, across the face."""
    x, y = pixel_grid(scene.size)
    position, angle = scene.sample_point(random), random.uniform(0, 2 * np.pi)
    side = (x - position[0]) * np.cos(angle) + (y - position[1]) * np.sin(angle)
    side = side + random.uniform(0, 8) * smooth_noise(random, scene.size, random.uniform(2, 6))
    if random.random() < 0.3:  # as a blind or leaves throw it
        side = scene.eye_distance * 0.3 * np.sin(side / (scene.eye_distance * random.uniform(0.1, 0.5)))
    share = np.clip(side / random.uniform(1, 30) + 0.5, 0, 1)[..., None]
    cast = random.uniform(0.25, 0.85) if random.random() < 0.8 else random.uniform(1.1, 1.6)
    tint = np.exp(random.normal(0, 0.06, 3))
    return np.asarray(np.clip(picture * (1 + share * (cast * tint - 1)), 0, 1), np.float32)


def add_beard(picture: Image, random: np.random.Generator, scene: OccluderScene) -> np.ndarray:
    """Stubble, a moustache or a beard, which is face."""
    size = scene.size
    jaw = scene.landmarks[LOWER_FACE]
    middle = scene.landmarks[[*INNER_LIPS]].mean(0)
    zone = polygon_mask(middle + (jaw - middle) * 1.02, size, size)
    zone *= 1 - polygon_mask(scene.landmarks[OUTER_LIPS], size, size)
    across, down = scene.axes
    x, y = pixel_grid(size)
    nose = scene.landmarks[2]
    nose_distance = ((x - nose[0]) * down[0] + (y - nose[1]) * down[1]) / scene.eye_distance
    aside = np.abs((x - nose[0]) * across[0] + (y - nose[1]) * across[1]) / scene.eye_distance
    if random.random() < 0.35:
        zone = zone * (aside < random.uniform(0.35, 0.8))
    zone = zone * (nose_distance + 0.6 * aside * random.uniform(0, 1) > 0.05)
    zone = cv2.GaussianBlur(zone.astype(np.float32), (0, 0), size * random.uniform(0.008, 0.03))
    dense = random.uniform(0.25, 0.95)
    uneven = random.uniform(0.2, 0.8)
    noise = smooth_noise(random, size, size / random.uniform(1.0, 2.2), random.uniform(1, 2.5))
    hairs = np.clip(dense + uneven * noise, 0, 1)
    tone = sample_hair_color(random) * (0.4 + 0.7 * scene.skin.max())
    share = (zone * hairs * dense)[..., None]
    grain = 1 + 0.25 * smooth_noise(random, size, size / 2)[..., None]
    return np.asarray(np.clip(picture + (tone * grain - picture) * share, 0, 1), np.float32)


def simulate_camera(picture: Image, random: np.random.Generator) -> np.ndarray:
    """The (S, S, 3) float32 picture as uint8, after exposure, white balance, blur, small sizes, noise and a codec."""
    size = picture.shape[0]
    if random.random() < 0.8:
        picture = np.clip(picture * np.exp(random.normal(0, 0.15)), 0, 1) ** np.exp(random.normal(0, 0.2))
        picture = picture * np.exp(random.normal(0, 0.08, 3))
    if random.random() < 0.15:
        gray = picture.mean(2, keepdims=True)
        picture = gray + (picture - gray) * random.uniform(0, 0.7)
    if random.random() < 0.1:  # coloured light
        picture = picture * np.clip(np.array([1.3, 0.9, 0.35]) ** random.uniform(-0.6, 1), 0, 1.5)
    picture = picture.astype(np.float32)
    chance = random.random()
    if chance < 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.6))
    elif chance < 0.3:
        picture = cv2.filter2D(picture, -1, motion_blur_kernel(random, size // 2))
    elif chance < 0.5:
        small = round(size * random.uniform(0.35, 0.9))
        picture = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)
    if random.random() < 0.5:
        strength = random.uniform(0.003, 0.04)
        picture = picture + strength * random.standard_normal(picture.shape, dtype=np.float32)
    stored = np.asarray(np.clip(picture, 0, 1) * 255, np.uint8)
    if random.random() < 0.5:
        quality = int(random.integers(25, 90))
        _, coded = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])
        stored = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return stored
