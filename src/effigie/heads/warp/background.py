"""Separates a portrait's person from the background, which stays still behind a moving head.

Without it the wall behind a turning head would warp with it. The person is separated from the background by colour
(GrabCut), once a portrait, from where the face says that head and shoulders must be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image

CELLS_PER_CM = 5.0  # at which person and background are told apart
GRABCUT_ITERATIONS = 4
MOVING_MARGIN = 1.2  # cm of background around the person that moves along, for fine hair
FADE_WIDTH = 0.8  # cm over which it gives way to the background at rest
FILL_MARGIN = 0.9  # cm: nothing nearer to the person is taken for background when filling what was behind
MAX_STRAND_DISTANCE = 7.0  # cm from the rest of the person to the end of a loose strand of hair
MIN_HAIR_SHARE = 0.28  # of the way from the background's colour to the hair's, from which on a thin thing is hair
STRAND_WIDTH = 9  # cells: what is thinner than half of that, single hairs, is not continued


@dataclass(frozen=True)
class Background:
    """The background of a portrait and the mask of its person.

    Attributes:
        box: x0, y0, x1, y1 px of the part of the picture that all this is about.
        person: (h, w) bool in coarse cells over the box.
        cover: (H, W) float32 in [0, 1]: 1 where a pixel moves with the person, 0 where it stays.
        plate: (H, W, 3) uint8, the picture with its background continued behind the person; where ``cover`` is below 1
            it is the picture itself.
    """

    box: tuple[int, int, int, int]
    person: np.ndarray
    cover: np.ndarray
    plate: np.ndarray


def build_background(
    image: Image,
    box: tuple[int, int, int, int],
    upright: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    scale: float,
) -> Background:
    """Segment a person and fill in the background behind them.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: x0, y0, x1, y1 px around the head; outside it nothing moves.
        upright: how many cm (..., 2) px lie to the right of and below the middle of the head, held upright.
        scale: pixels a cm.
    """
    x0, y0, x1, y1 = box
    crop = image[y0:y1, x0:x1]
    factor = min(1.0, CELLS_PER_CM / scale)
    size = (max(2, round((x1 - x0) * factor)), max(2, round((y1 - y0) * factor)))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    across, down = upright(_cell_centers(box, size))
    cells = scale * size[0] / (x1 - x0)
    person = _face_component(_grab_cut(small, across, down), across, down)
    person = _face_component(person | _find_strands(small, person, across, down, cells), across, down)
    # Clothes are as many-coloured as backgrounds: where shoulders must be, all is taken for them.
    person |= _shoulder_mask(across, down)
    away = cv2.distanceTransform((~person).astype(np.uint8), cv2.DIST_L2, 5) / cells
    fill = _inpaint(small, away > FILL_MARGIN)
    away, fill = cv2.resize(away, crop.shape[1::-1]), cv2.resize(fill, crop.shape[1::-1])
    cover = np.zeros(image.shape[:2], np.float32)
    cover[y0:y1, x0:x1] = np.clip((MOVING_MARGIN + FADE_WIDTH - away) / FADE_WIDTH, 0, 1)
    depth = np.clip((MOVING_MARGIN - away) / (MOVING_MARGIN - FILL_MARGIN), 0, 1)[..., None]
    plate = image.copy()
    plate[y0:y1, x0:x1] = np.round(crop + depth * (fill - crop)).astype(np.uint8)
    return Background(box, person, cover, plate)


def _cell_centers(box: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
    """(h, w, 2) px of the middles of (w, h) cells over a box."""
    ends = zip(size, box[:2], box[2:], strict=True)
    return np.dstack(np.meshgrid(*((np.arange(n) + 0.5) * (b - a) / n + a - 0.5 for n, a, b in ends)))


def _grab_cut(small: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """(h, w) bool: GrabCut from what the face tells of the head's and shoulders' place."""
    marks = np.full(across.shape, cv2.GC_PR_BGD, np.uint8)
    marks[np.hypot(across / 10.5, down / 13) < 1] = cv2.GC_PR_FGD
    marks[(down > 12) & (np.abs(across) < 2.5 * (down - 12) + 8)] = cv2.GC_PR_FGD
    marks[(np.hypot(across, down) > 22) & (down < 11)] = cv2.GC_BGD
    marks[np.hypot(across / 7, down / 9.5) < 1] = cv2.GC_FGD
    marks[_shoulder_mask(across, down)] = cv2.GC_FGD
    marks[(down > 0) & (down < 16) & (np.abs(across) < 3)] = cv2.GC_FGD
    person = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if person.all() or not person.any():  # nothing to tell apart
        return person
    cv2.setRNGSeed(0)  # GrabCut starts from clusters drawn by chance
    cv2.grabCut(small, marks, None, np.zeros((1, 65)), np.zeros((1, 65)), GRABCUT_ITERATIONS, cv2.GC_INIT_WITH_MASK)
    return np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _shoulder_mask(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    return np.asarray((down > 14) & (np.abs(across) < 1.6 * (down - 14) + 6))


def _find_strands(
    small: np.ndarray, person: np.ndarray, across: np.ndarray, down: np.ndarray, cells: float
) -> np.ndarray:
    """(h, w) bool: thin things near the person that differ from what is around them as their hair does."""
    hair = person & (down < 6) & (np.hypot(across / 7.5, down / 10) > 1)
    if not hair.any():
        return np.zeros_like(person)
    around = cv2.medianBlur(small, 2 * STRAND_WIDTH + 1).astype(np.float32)
    toward = np.median(small[hair], axis=0).astype(np.float32) - around
    share = ((small - around) * toward).sum(2) / np.maximum((toward**2).sum(2), 400)
    away = cv2.distanceTransform((~person).astype(np.uint8), cv2.DIST_L2, 5) / cells
    thin = ((share > MIN_HAIR_SHARE) & (away < MAX_STRAND_DISTANCE) & (np.hypot(across, down) < 22)).astype(np.uint8)
    return cv2.morphologyEx(thin, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0


def _face_component(person: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The part that holds the face, without holes: a gap in the hair moves with the hair."""
    if not person.any():
        return person
    _, labels = cv2.connectedComponents(person.astype(np.uint8), connectivity=8)
    middle = np.unravel_index(np.argmin(np.where(person, np.hypot(across, down), np.inf)), person.shape)
    whole = labels == labels[middle]
    framed = cv2.copyMakeBorder((~whole).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, outside = cv2.connectedComponents(framed, connectivity=4)
    return (outside != outside[0, 0])[1:-1, 1:-1]


def _inpaint(small: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32: the known pixels, and what lies between them filled in from coarse to fine."""
    small = cv2.medianBlur(small, STRAND_WIDTH)
    levels = []
    weight = known.astype(np.float32)
    color = small.astype(np.float32) * weight[..., None]
    while min(weight.shape) > 1:
        levels.append((color, weight))
        size = (-(-weight.shape[1] // 2), -(-weight.shape[0] // 2))
        color, weight = (cv2.resize(level, size, interpolation=cv2.INTER_AREA) for level in (color, weight))
    result = color.reshape(*weight.shape, 3) / np.maximum(weight, 1e-6)[..., None]
    for color, weight in reversed(levels):
        result = cv2.resize(result, weight.shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(*weight.shape, 3)
        sure = np.minimum(weight * 4, 1)[..., None]
        result += sure * (color / np.maximum(weight, 1e-6)[..., None] - result)
    return result
