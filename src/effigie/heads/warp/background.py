"""Separates a portrait's person from the background, which stays still behind whoever moves.

Without it the wall behind a turning head would warp with it. The person is separated from the background by colour
(GrabCut), once a portrait, from where the face says that head and shoulders must be. What they hide is filled in once,
the clean plate; their edge is a matte that carries no wall along; and they are continued beyond the picture's borders,
which come into view where they move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.heads.warp.border import extend_person
from effigie.heads.warp.matte import estimate_matte
from effigie.heads.warp.plate import STRAND_WIDTH, fill_plate

CELLS_PER_CM = 5.0  # at which person and background are told apart
MAX_CELLS = 300_000  # of the whole picture: of one that shows far more than the person, cells are larger
GRABCUT_ITERATIONS = 4
MATTE_MARGIN = 1.2  # cm beyond the person's outline that fine hair reaches at most
FILL_MARGIN = 0.9  # cm: nothing nearer to the person is taken for background when filling what was behind
MAX_STRAND_DISTANCE = 7.0  # cm from the rest of the person to the end of a loose strand of hair
MIN_HAIR_SHARE = 0.28  # of the way from the background's colour to the hair's, from which on a thin thing is hair
SHOULDER_HALF_WIDTH = 20.0  # cm from the middle, within which all that is low enough is shoulders and chest
CHEST_END = 34.0  # cm below the head's middle that this goes


@dataclass(frozen=True)
class Background:
    """The background of a portrait, and its person cut out.

    Attributes:
        person: (h, w) bool in coarse cells over the picture.
        plate: (H, W, 3) uint8, the picture with its background continued behind the person.
        foreground: (H + top + bottom, W + left + right, 3) uint8: the person's colours, continued beyond the borders.
        cover: of that size, float32 in [0, 1]: 1 where a pixel is the person's. ``cover`` of ``foreground`` over
            ``plate`` is the picture.
        offset: left, top px by which these two begin before the picture.
    """

    person: np.ndarray
    plate: np.ndarray
    foreground: Image
    cover: np.ndarray
    offset: tuple[int, int]


def build_background(
    image: Image, upright: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], scale: float
) -> Background:
    """Segment a person, fill in the background behind them, and continue them beyond the borders.

    Args:
        image: (H, W, 3) uint8 RGB.
        upright: how many cm (..., 2) px lie to the right of and below the middle of the head, held upright.
        scale: pixels a cm.
    """
    height, width = image.shape[:2]
    factor = min(1.0, CELLS_PER_CM / scale, float(np.sqrt(MAX_CELLS / (height * width))))
    size = (max(2, round(width * factor)), max(2, round(height * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    across, down = upright(_cell_centers((width, height), size))
    cells = scale * size[0] / width
    person = _face_component(_grab_cut(small, across, down), across, down)
    person = _face_component(person | _find_strands(small, person, across, down, cells), across, down)
    # Clothes are as many-coloured as backgrounds: where shoulders must be, all is taken for them.
    person |= _shoulder_mask(across, down)
    away = cv2.distanceTransform((~person).astype(np.uint8), cv2.DIST_L2, 5) / cells
    inside = cv2.distanceTransform(person.astype(np.uint8), cv2.DIST_L2, 5) / cells
    fill = fill_plate(image, small, away > FILL_MARGIN)
    outline = cv2.resize(np.where(person, 0.5 / cells - inside, away - 0.5 / cells).astype(np.float32), (width, height))
    depth = np.clip((MATTE_MARGIN - outline) / (MATTE_MARGIN - FILL_MARGIN), 0, 1)[..., None]
    plate = np.round(image + depth * (fill - image)).astype(np.uint8)
    cover, foreground = estimate_matte(image, plate, outline, MATTE_MARGIN, scale)
    extended = extend_person(foreground, cover, upright, scale)
    return Background(person, plate, *extended)


def _cell_centers(picture: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """(h, w, 2) px of the middles of (w, h) cells over a picture of (W, H) px."""
    return np.dstack(np.meshgrid(*((np.arange(n) + 0.5) * px / n - 0.5 for n, px in zip(size, picture, strict=True))))


def _grab_cut(small: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """(h, w) bool: GrabCut from what the face tells of the head's and shoulders' place."""
    marks = np.full(across.shape, cv2.GC_PR_BGD, np.uint8)
    marks[np.hypot(across / 10.5, down / 13) < 1] = cv2.GC_PR_FGD
    marks[(down > 12) & (np.abs(across) < np.minimum(2.5 * (down - 12) + 8, 30))] = cv2.GC_PR_FGD
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
    width = np.minimum(1.6 * (down - 14) + 6, SHOULDER_HALF_WIDTH)
    return np.asarray((down > 14) & (down < CHEST_END) & (np.abs(across) < width))


def _find_strands(
    small: np.ndarray, person: np.ndarray, across: np.ndarray, down: np.ndarray, cells: float
) -> np.ndarray:
    """(h, w) bool: thin things near the person that differ from what is around them as their hair does."""
    hair = person & (down < 6) & (np.hypot(across / 7.5, down / 10) > 1)
    if not hair.any():
        return np.zeros_like(person)
    median = cv2.medianBlur(small, 2 * STRAND_WIDTH + 1).astype(np.float32)
    toward = np.median(small[hair], axis=0).astype(np.float32) - median
    share = ((small - median) * toward).sum(2) / np.maximum((toward**2).sum(2), 400)
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
