"""The kinds of occluders, how often each is drawn, and which are never trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.occlusion.synthetic import accessories, hands, objects
from effigie.occlusion.synthetic.canvas import OccluderLayer, OccluderScene

DrawFunction = Callable[[np.random.Generator, OccluderScene], OccluderLayer]

OCCLUDERS: Mapping[str, DrawFunction] = {
    "hand": hands.draw_hand,
    "fingers": hands.draw_fingers,
    "arm": hands.draw_arm,
    "glasses": accessories.draw_glasses,
    "hair": accessories.draw_hair,
    "cloth": accessories.draw_cloth,
    "veil": accessories.draw_veil,
    "microphone": objects.draw_microphone,
    "cup": objects.draw_cup,
    "board": objects.draw_board,
    "stick": objects.draw_stick,
    "blob": objects.draw_blob,
    "branch": objects.draw_branch,
    "fruit": objects.draw_fruit,
}
KIND_WEIGHTS: Mapping[str, float] = {
    "hand": 5.5, "fingers": 4.0, "arm": 1.0, "glasses": 3.0, "hair": 3.5, "cloth": 1.0, "veil": 0.5,
    "microphone": 1.5, "cup": 1.2, "board": 1.2, "stick": 1.0, "blob": 2.0,
}  # fmt: skip
"""How often a kind is trained on; those without a weight never are: they show what a network makes of the unknown."""
HELD_OUT_KINDS = tuple(kind for kind in OCCLUDERS if kind not in KIND_WEIGHTS)


def draw_occluder(random: np.random.Generator, scene: OccluderScene, kind: str | None = None) -> OccluderLayer:
    """An occluder, of a kind that is trained on unless another is named; its edge as a camera would show it."""
    if kind is None:
        names = list(KIND_WEIGHTS)
        weights = np.array([KIND_WEIGHTS[name] for name in names])
        kind = names[int(random.choice(len(names), p=weights / weights.sum()))]
    return apply_focus_blur(random, OCCLUDERS[kind](random, scene))


def apply_focus_blur(random: np.random.Generator, layer: OccluderLayer) -> OccluderLayer:
    """The layer sharp, a little out of focus, or motion-blurred. Colour is blurred with its alpha: edges stay clean."""
    chance = random.random()
    size = layer.alpha.shape[0]
    premultiplied = layer.color * layer.alpha[..., None]
    if chance < 0.75:
        sigma = random.uniform(0.3, 0.8) if chance < 0.45 else random.uniform(0.8, 2.5) * size / 160
        alpha, color = (cv2.GaussianBlur(each, (0, 0), sigma) for each in (layer.alpha, premultiplied))
    elif chance < 0.9:
        kernel = motion_blur_kernel(random, size)
        alpha, color = (cv2.filter2D(each, -1, kernel) for each in (layer.alpha, premultiplied))
    else:
        return layer
    alpha = np.clip(alpha, 0, 1)
    spread = color / np.maximum(alpha, 1e-4)[..., None]
    return OccluderLayer(np.clip(spread, 0, 1), alpha, layer.casts_shadow)


def motion_blur_kernel(random: np.random.Generator, size: int) -> np.ndarray:
    """(k, k) kernel of sum 1: motion during one exposure."""
    length = random.uniform(3, 12) * size / 160
    angle, half = random.uniform(0, np.pi), int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.uint8)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = np.rint((np.array([-reach, reach]) + half) * 16).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 255, 1, cv2.LINE_AA, 4)
    return np.asarray(kernel / max(1.0, float(kernel.sum())), np.float32)


def composite_occluder(
    picture: Image, layer: OccluderLayer, random: np.random.Generator, scene: OccluderScene
) -> np.ndarray:
    """The (S, S, 3) float32 picture in 0..1 with the layer before it, and its shadow on the skin."""
    if layer.casts_shadow and random.random() < 0.6:
        offset = -scene.light[:2] * scene.eye_distance * random.uniform(0.02, 0.25)
        matrix = np.array([[1, 0, offset[0]], [0, 1, offset[1]]])
        cast = cv2.warpAffine(layer.alpha, matrix, layer.alpha.shape[::-1])
        cast = cv2.GaussianBlur(cast, (0, 0), scene.eye_distance * random.uniform(0.02, 0.15))
        cast = cast * random.uniform(0.1, 0.55)
        picture = picture * (1 - cast[..., None])
    return np.asarray(picture + (layer.color - picture) * layer.alpha[..., None], np.float32)
