"""The geometric prior: the source's face bent into any wanted geometry, from the frames that need least bending.

Three pictures are warped and joined: one chosen for the whole face and its pose, one for the mouth, one for the eyes.
A single nearest frame would have to suit all three at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from effigie.faces.crop import apply_affine, resizing
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from effigie.faces.warp import Box, Canvas, enclosing
from effigie.prior.frame_bank import Features, Geometry

SOFT_SIZE = 128  # px a side from which on masks are soft enough to be drawn at half the size
REGIONS = ("face", "mouth", "eyes")
FADE = {"face": 0.3, "mouth": 0.08, "eyes": 0.12}  # seconds in which one source frame gives way to another
STAY = {"face": 0.15, "mouth": 0.12, "eyes": 0.25}  # how much nearer (cm) another frame must be to take over
FAINT = 0.08  # a layer that counts less than this is not worth its warp


@dataclass(frozen=True)
class Bank:
    """The source's frames: pictures, geometry in crop pixels, features, and a penalty (cm) for poor ones.

    Attributes:
        read: index -> (S, S, 3) uint8 RGB.
        geometries: one a frame.
        features: of all frames.
        penalty: (N,) centimetres added to every distance.
    """

    read: Callable[[int], np.ndarray]
    geometries: list[Geometry]
    features: Features
    penalty: np.ndarray

    def distances(self, region: str, wanted: np.ndarray) -> np.ndarray:
        """(N,) distance (cm) of every frame to the (D,) features ``wanted`` of a region."""
        return np.linalg.norm(getattr(self.features, region) - wanted, axis=1) + self.penalty


Layers = dict[str, dict[int, float]]
"""For each region: bank index -> weight, the weights of a region sum to one."""


def nearest(bank: Bank, wanted: Features, allowed: np.ndarray | None = None) -> Layers:
    """The best frame of each region for one moment by itself.

    Args:
        wanted: features of a single frame, (1, D) each.
        allowed: (N,) bool; others are not considered.
    """
    layers: Layers = {}
    for region in REGIONS:
        distance = bank.distances(region, getattr(wanted, region)[0])
        if allowed is not None:
            distance = np.where(allowed, distance, np.inf)
        layers[region] = {int(np.argmin(distance)): 1.0}
    return layers


class Chooser:
    """Chooses frames over time: stays with one while it is nearly the best, and fades when it changes.

    Attributes:
        misfit: for each region, how far (cm) what was chosen is from what was wanted, at the latest frame.
    """

    def __init__(self, bank: Bank, rate: float) -> None:
        self._bank = bank
        self._step = {region: 1 / max(seconds * rate, 1.0) for region, seconds in FADE.items()}
        self._current: dict[str, int] = {}
        self._weights: Layers = {region: {} for region in REGIONS}
        self.misfit = dict.fromkeys(REGIONS, 0.0)

    def __call__(self, wanted: Features) -> Layers:
        """Layers for the next frame, whose features are (1, D) each."""
        for region in REGIONS:
            distance = self._bank.distances(region, getattr(wanted, region)[0])
            best = int(np.argmin(distance))
            current = self._current.get(region)
            if current is None or distance[current] - distance[best] > STAY[region]:
                self._current[region] = best
            weights = _fade(self._weights[region], self._current[region], self._step[region])
            self._weights[region] = weights
            self.misfit[region] = float(sum(weight * distance[index] for index, weight in weights.items()))
        return self._weights

    def reset(self) -> None:
        """At a cut there is nothing to fade from."""
        self._current = {}
        self._weights = {region: {} for region in REGIONS}


def _fade(weights: dict[int, float], current: int, step: float) -> dict[int, float]:
    if not weights:
        return {current: 1.0}
    faded = {index: weight for index, weight in weights.items() if index != current}
    total = sum(faded.values())
    remaining = max(total - step, 0.0)
    result = {index: weight * remaining / total for index, weight in faded.items()} if total else {}
    result = {index: weight for index, weight in result.items() if weight > FAINT}
    return {**result, current: 1.0 - sum(result.values())}


@dataclass(frozen=True)
class Prior:
    """The source in the wanted geometry.

    Attributes:
        picture: (S, S, 3) float32 in 0..255.
        validity: (S, S) float32 in [0, 1].
        fourth: (S, S) float32 in 0..255, what else the frames of the whole face had; None if nothing.
    """

    picture: np.ndarray
    validity: np.ndarray
    fourth: np.ndarray | None = None


Shown = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""A frame of the bank by index -> picture (h, w, 3), or (h, w, 4) with something beside it, and validity (h, w)."""


def render(bank: Bank, layers: Layers, canvas: Canvas, whole: Shown | None = None) -> Prior:
    """Warp and join the chosen frames.

    Args:
        canvas: the wanted geometry.
        whole: the frames chosen for the whole face, bent into it; as mouth and eyes are, the mesh and its ring alone,
            by default.
    """
    landmarks, size = canvas.target, canvas.size
    picture, validity = _blend(layers["face"], whole or _bent(bank, canvas))
    fourth = None
    if picture.shape[2] == 4:
        picture, fourth = np.ascontiguousarray(picture[..., :3]), picture[..., 3]
    for region in ("mouth", "eyes"):
        if layers[region] == layers["face"]:
            continue
        soft = region_mask(region, landmarks, size)
        box = enclosing(soft)
        if box is None:
            continue
        patch, seen = _blend(layers[region], _bent(bank, canvas, box))
        part, under, known = soft[box], picture[box], validity[box]
        patch = _match_light(patch, under, part)
        weight = part * np.minimum(seen / np.maximum(known, 0.05), 1)
        under += weight[..., None] * (patch - under)
        known += part * (np.maximum(seen, known) - known)
    return Prior(picture, validity, fourth)


def _bent(bank: Bank, canvas: Canvas, box: Box | None = None) -> Shown:
    def shown(index: int) -> tuple[np.ndarray, np.ndarray]:
        warped = canvas.warp(bank.read(index), bank.geometries[index].landmarks, box)
        return warped.image, warped.validity

    return shown


def _blend(weights: dict[int, float], shown: Shown) -> tuple[np.ndarray, np.ndarray]:
    picture: np.ndarray = np.zeros((), np.float32)
    validity: np.ndarray = np.zeros((), np.float32)
    for index, weight in weights.items():
        frame, seen = shown(index)
        picture = picture + np.float32(weight) * frame
        validity = validity + np.float32(weight) * seen
    return picture, validity


def region_mask(region: str, landmarks: np.ndarray, size: int) -> np.ndarray:
    """(S, S) float32 in [0, 1]: 1 over the region, fading out around it."""
    if size >= 2 * SOFT_SIZE:
        # Nothing in it is finer than its fading: half the side is enough, and blurring it costs a quarter.
        half = region_mask(region, apply_affine(resizing(size // 2, size), landmarks), size // 2)
        return np.asarray(cv2.resize(half, (size, size), interpolation=cv2.INTER_LINEAR))
    outlines = {"mouth": (OUTER_LIPS,), "eyes": (LEFT_EYE, RIGHT_EYE)}[region]
    grow = {"mouth": 1.35, "eyes": 1.7}[region]
    mask = np.zeros((size, size), np.float32)
    for outline in outlines:
        points = landmarks[outline, :2]
        middle = points.mean(0)
        width = np.ptp(points[:, 0])
        # A closed mouth or eye is a line: grow it by a share of its width, not of its height.
        offset = points - middle
        height = np.maximum(np.abs(offset[:, 1:]), 1e-3)
        offset = offset * grow + np.sign(offset) * [0, 0.12] * width * (height > 0.02 * width)
        mask = np.maximum(
            mask, polygon_mask(cv2.convexHull((middle + offset).astype(np.float32))[:, 0], size, size)
        )
    return cv2.GaussianBlur(mask, (0, 0), size * 0.02)


def _match_light(patch: np.ndarray, under: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """Shift the patch (h, w, 3) to the light of what it is laid over, read where the two meet."""
    rim = soft * (1 - soft)
    total = float(rim.sum())
    if total < 1e-3:
        return patch
    return (
        patch
        + np.array(cv2.sumElems(cv2.multiply(under - patch, cv2.merge([rim] * 3)))[:3], np.float32) / total
    )
