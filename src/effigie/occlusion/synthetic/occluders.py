"""The kinds of occluders, how often each is drawn, and which are never trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import cv2
import numpy as np

from effigie.occlusion.synthetic import hands, things, worn
from effigie.occlusion.synthetic.canvas import Layer, Stage

Kind = Callable[[np.random.Generator, Stage], Layer]

KINDS: Mapping[str, Kind] = {
    "hand": hands.hand,
    "fingers": hands.fingers,
    "arm": hands.arm,
    "glasses": worn.glasses,
    "hair": worn.hair,
    "cloth": worn.cloth,
    "veil": worn.veil,
    "microphone": things.microphone,
    "cup": things.cup,
    "board": things.board,
    "stick": things.stick,
    "blob": things.blob,
    "branch": things.branch,
    "fruit": things.fruit,
}
WEIGHTS: Mapping[str, float] = {
    "hand": 5.5, "fingers": 4.0, "arm": 1.0, "glasses": 3.0, "hair": 3.5, "cloth": 1.0, "veil": 0.5,
    "microphone": 1.5, "cup": 1.2, "board": 1.2, "stick": 1.0, "blob": 2.0,
}  # fmt: skip
"""How often a kind is trained on; those without a weight never are: they show what a network makes of the unknown."""
UNSEEN = tuple(kind for kind in KINDS if kind not in WEIGHTS)


def draw(random: np.random.Generator, stage: Stage, kind: str | None = None) -> Layer:
    """An occluder, of a kind that is trained on unless another is named; its edge as a camera would show it."""
    if kind is None:
        names = list(WEIGHTS)
        weights = np.array([WEIGHTS[name] for name in names])
        kind = names[int(random.choice(len(names), p=weights / weights.sum()))]
    return focused(random, KINDS[kind](random, stage))


def focused(random: np.random.Generator, layer: Layer) -> Layer:
    """As sharp as it comes, a little out of focus, or moving. Colour is blurred with its alpha: edges stay clean."""
    chance = random.random()
    size = layer.alpha.shape[0]
    if chance < 0.45:
        blur = partial(_soft, sigma=random.uniform(0.3, 0.8))
    elif chance < 0.75:
        blur = partial(_soft, sigma=random.uniform(0.8, 2.5) * size / 160)
    elif chance < 0.9:
        blur = partial(_drawn_out, kernel=streak(random, size))
    else:
        return layer
    alpha = np.clip(blur(layer.alpha), 0, 1)
    spread = blur(layer.color * layer.alpha[..., None]) / np.maximum(alpha, 1e-4)[..., None]
    return Layer(np.clip(spread, 0, 1), alpha, layer.near)


def _soft(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def _drawn_out(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return cv2.filter2D(picture, -1, kernel)


def streak(random: np.random.Generator, size: int) -> np.ndarray:
    """(k, k) of sum 1: motion during one exposure."""
    length = random.uniform(3, 12) * size / 160
    angle, half = random.uniform(0, np.pi), int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.uint8)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = np.rint((np.array([-reach, reach]) + half) * 16).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 255, 1, cv2.LINE_AA, 4)
    return np.asarray(kernel / max(1.0, float(kernel.sum())), np.float32)


def laid(picture: np.ndarray, layer: Layer, random: np.random.Generator, stage: Stage) -> np.ndarray:
    """The (S, S, 3) float32 picture in 0..1 with the layer before it, and its shadow on the skin."""
    if layer.near and random.random() < 0.6:
        offset = -stage.light[:2] * stage.unit * random.uniform(0.02, 0.25)
        matrix = np.array([[1, 0, offset[0]], [0, 1, offset[1]]])
        cast = cv2.warpAffine(layer.alpha, matrix, layer.alpha.shape[::-1])
        cast = cv2.GaussianBlur(cast, (0, 0), stage.unit * random.uniform(0.02, 0.15)) * random.uniform(
            0.1, 0.55
        )
        picture = picture * (1 - cast[..., None])
    return np.asarray(picture + (layer.color - picture) * layer.alpha[..., None], np.float32)
