"""Glasses on a face: whether some are worn, and where their strokes lie.

Rims are closed strokes around the eyes, joined by a bar and continued by temples: lines, dark or light, that the
occlusion network believes to lie before the face. The strongest closed path around either eye is looked for, in a
picture in which both eyes have their places.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import AffineMatrix, Image, Landmarks
from effigie.faces.crop import apply_affine, resize_matrix
from effigie.faces.mesh import EYE_CORNERS, LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from effigie.occlusion.network import INPUT_SIZE
from effigie.occlusion.predictor import VisibilityPredictor
from effigie.occlusion.rim_path import find_closed_paths, find_path
from effigie.occlusion.upsample import upsample_mask

# The picture that is looked at: both eyes in their places, so many px apart.
EYE_DISTANCE, WIDTH, HEIGHT = 80, 288, 152
MIDDLE_X, EYE_LINE = 144, 64
LINE_ELEMENT = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))  # strokes are narrower
LIGHT_LINE_GAIN, MAX_STRENGTH = 0.7, 30.0  # a metal rim in the light; grey levels that are as good as any more
UNBELIEVED = 0.4  # of its strength is left to a line that the network takes for face
LID_MARGIN, BROW_GAIN = 4, 0.5  # px around the eyes that are lids and lashes; brows are lines, too
# A lens: its middle is a little outside of and below the eye's; radii in px, its height a share of its width.
ANGLES, RADII, ASPECT = 120, np.arange(13, 50), 0.75
LENS_OFFSET = np.array([0.03, 0.08]) * EYE_DISTANCE
RIM_STEP_COST, BAR_STEP_COST = 3.0, 2.0
DIRECTION = 2 * np.pi / ANGLES * np.arange(ANGLES)
BELOW = np.sin(DIRECTION) > 0.3  # cheek, where no brow is
MIN_RIM, MIN_BAR = 4.0, 3.0  # grey levels: a stroke, or none; a half rim ends where there is less
TEMPLES = (127, 356)  # landmarks where either one leaves the face
TEMPLE_REACH = 6  # px beyond
STROKE_SHARE = 0.3  # of a stroke's strength that what is beside its middle needs to be part of it
NEAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
MIN_BROW_BELIEF = 0.35
SURE_SHARE = 0.6  # of it, from which on a pixel is nothing but the stroke
MIN_WIDTH = 3.5  # px of an upper rim that the network believes in: wide; it sees metal as face
BROW_MARGIN, WIDE_MARGIN = 3, 3  # px
CROSS = np.ones((3, 3), np.uint8)
# A logistic fit to 940 portraits, 162 of them with glasses (docs/occlusion.md): weights of a rim's strength, belief in
# it, a bar's strength, belief in it, belief in the lower rim, each cut off.
SCORE_LIMITS = np.array([20.0, 0.3, 20.0, 0.3, 0.3])
SCORE_WEIGHTS = np.array([0.156, 7.2, 0.471, 6.2, 5.15])
SCORE_BIAS = -7.94
WORN = 0.5  # score from which glasses are worn: 10 of 162 are missed, 3 found in 778 without
DARK_LENSES = 0.75  # mean belief, over the eyes, that something is before them


@dataclass(frozen=True)
class Eyewear:
    """Glasses that were looked for on one face.

    Attributes:
        score: above :data:`WORN` glasses are worn.
        strokes: (S, S) bool, rims, bar and temples in the picture's pixels, generously; what would be them, where none
            are worn.
        wide: (S, S) bool, those too wide to be filled from beside: a frame of horn, a brow behind it.
        lenses: (2, ANGLES, 2) px, the rims' middles.
        cover: (S, S) float32 in 0..1, how much of each pixel they cover.
        dark: 0..1, how much of the eyes is hidden: above :data:`DARK_LENSES` behind dark lenses.
    """

    score: float
    strokes: np.ndarray
    wide: np.ndarray
    lenses: np.ndarray
    cover: np.ndarray
    dark: float

    @property
    def is_worn(self) -> bool:
        return self.score > WORN


def find_eyewear(picture: Image, landmarks: Landmarks, predictor: VisibilityPredictor) -> Eyewear:
    """Look for glasses on a face.

    Args:
        picture: (S, S, 3) uint8 RGB, an aligned crop.
        landmarks: (478, >= 2) in its pixels.
    """
    size = picture.shape[0]
    shrunk = resize_matrix(INPUT_SIZE, size)
    small = cv2.resize(picture, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA)
    visible = predictor.predict(small, apply_affine(shrunk, landmarks))
    matrix = _eye_matrix(landmarks)
    patch = _warp(picture, matrix)
    covered = 1 - _warp(upsample_mask(visible, small, picture), matrix)
    points = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    light = cv2.GaussianBlur(cv2.cvtColor(patch, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32), (0, 0), 0.8)
    dark_lines = cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, LINE_ELEMENT)
    light_lines = cv2.morphologyEx(light, cv2.MORPH_TOPHAT, LINE_ELEMENT)
    lines = np.maximum(dark_lines, LIGHT_LINE_GAIN * light_lines)
    strengths = _weigh(lines, covered, points)
    places = _find_rims(strengths)
    rim_strengths, belief = (_sample(each, places) for each in (strengths, covered))
    bridge = np.s_[EYE_LINE - 20 : EYE_LINE + 24, MIDDLE_X - 8 : MIDDLE_X + 9]
    measured = np.array(
        [
            np.median(rim_strengths, axis=1).mean(),
            belief.mean(),
            strengths[bridge].mean(1).max(),
            covered[bridge].mean(1).max(),
            belief[:, BELOW].mean(),
        ]
    )
    score = float(SCORE_WEIGHTS @ np.minimum(measured, SCORE_LIMITS)) + SCORE_BIAS
    rims, cover = _draw_strokes(strengths, lines, covered, places, rim_strengths, points)
    core = _find_wide(rims, covered, places, points)
    strokes, wide, cover = (
        cv2.warpAffine(each, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        for each in (rims.astype(np.float32), core.astype(np.float32), cover)
    )
    lenses = apply_affine(cv2.invertAffineTransform(matrix), places.reshape(-1, 2)).reshape(places.shape)
    eyes = _fill([points[LEFT_EYE], points[RIGHT_EYE]], 0)
    dark = float(covered[eyes].mean()) if eyes.any() else 0.0
    return Eyewear(score, strokes > 0.35, wide > 0.35, lenses, cover, dark)


def _eye_matrix(landmarks: Landmarks) -> AffineMatrix:
    """(2, 3) picture pixels to the patch's."""
    left, right = (landmarks[list(corners), :2].mean(0) for corners in EYE_CORNERS)
    across, middle = right - left, (left + right) / 2
    third_point = middle + 0.5 * np.array([-across[1], across[0]])
    half = EYE_DISTANCE / 2
    patch_points = [[MIDDLE_X - half, EYE_LINE], [MIDDLE_X + half, EYE_LINE], [MIDDLE_X, EYE_LINE + half]]
    return np.asarray(
        cv2.getAffineTransform(np.array([left, right, third_point], np.float32), np.array(patch_points, np.float32))
    )


def _warp(image: np.ndarray, matrix: AffineMatrix) -> np.ndarray:
    return np.asarray(
        cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def _weigh(lines: np.ndarray, covered: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Strength of each pixel's line as a rim's: less where the network sees face, none at lids and lashes."""
    belief = cv2.dilate(np.clip(2 * covered, 0, 1), CROSS)
    strengths = np.minimum(lines, MAX_STRENGTH) * (UNBELIEVED + (1 - UNBELIEVED) * belief)
    strengths[_fill([points[LEFT_EYE], points[RIGHT_EYE]], LID_MARGIN)] = 0
    strengths[_fill([points[LEFT_BROW], points[RIGHT_BROW]], 0)] *= BROW_GAIN
    return np.asarray(strengths, np.float32)


def _find_rims(strengths: np.ndarray) -> np.ndarray:
    """(2, ANGLES, 2) px: the strongest closed path around either eye, from its right clockwise."""
    middles = np.array([[MIDDLE_X, EYE_LINE]]) + np.array([[-0.5, 0], [0.5, 0]]) * EYE_DISTANCE
    middles = middles + LENS_OFFSET * np.array([[-1, 1], [1, 1]])
    rays = np.stack([np.cos(DIRECTION), ASPECT * np.sin(DIRECTION)], 1)
    grid = middles[:, None, None] + rays[None, :, None] * RADII[None, None, :, None]
    radii = find_closed_paths(_sample(strengths, grid.reshape(2, -1, 2)).reshape(grid.shape[:3]), RIM_STEP_COST)
    return np.asarray(np.take_along_axis(grid, radii[..., None, None], axis=2)[:, :, 0])


def _sample(field: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The field at (B, N, 2) px, (B, N)."""
    x, y = (np.ascontiguousarray(places[..., axis], np.float32) for axis in (0, 1))
    return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR))


def _draw_strokes(
    strengths: np.ndarray,
    lines: np.ndarray,
    covered: np.ndarray,
    places: np.ndarray,
    rim_strengths: np.ndarray,
    points: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(HEIGHT, WIDTH) uint8 0 or 1, rims, bar and temples, generously; and float32 in 0..1, how much they cover."""
    middle = np.zeros((HEIGHT, WIDTH), np.uint8)
    for rim, strength in zip(places, rim_strengths, strict=True):
        nearby = cv2.blur(np.pad(strength, 4, mode="wrap")[None].astype(np.float32), (9, 1))[0, 4:-4]
        _draw_run(middle, np.concatenate([rim, rim[:1]]), np.append(nearby, nearby[0]) > MIN_RIM)
    _draw_bar(middle, strengths, places)
    for side, rim, landmark in zip((-1, 1), places, TEMPLES, strict=True):
        _draw_temple(middle, strengths, rim, side, float(points[landmark, 0]))
    if not middle.any():
        return middle, middle.astype(np.float32)
    thin = cv2.dilate(middle, CROSS) > 0
    level = float(np.median(lines[middle > 0]))
    wide = (cv2.dilate(middle, NEAR) > 0) & (lines > max(MIN_RIM, STROKE_SHARE * level))
    # Beside the stroke a brow's hairs are lines as well: there the network has to see a rim.
    wide &= ~_fill([points[LEFT_BROW], points[RIGHT_BROW]], 0) | (covered > MIN_BROW_BELIEF)
    strokes = thin | wide
    cover = strokes * np.clip(lines / max(MIN_RIM, SURE_SHARE * level), 0, 1)
    lids = _fill([points[LEFT_EYE], points[RIGHT_EYE]], LID_MARGIN)
    generous = cv2.dilate(strokes.astype(np.uint8), CROSS, iterations=2) * ~lids
    return np.asarray(generous, np.uint8), np.asarray(cover * ~lids, np.float32)


def _find_wide(strokes: np.ndarray, covered: np.ndarray, places: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(HEIGHT, WIDTH) uint8: wide strokes above the eyes and the brows behind them, without the lids."""
    upper = strokes.copy()
    upper[EYE_LINE:] = 0  # below is plain cheek, which can be continued
    reach = cv2.distanceTransform((covered > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    if 2 * np.median(_sample(reach, places)[places[..., 1] < EYE_LINE]) < MIN_WIDTH:
        return np.zeros_like(upper)
    for brow in (LEFT_BROW, RIGHT_BROW):
        upper |= _fill([cv2.convexHull(points[brow].astype(np.float32))[:, 0]], BROW_MARGIN)
    return cv2.dilate(upper, CROSS, iterations=WIDE_MARGIN) * ~_fill([points[LEFT_EYE], points[RIGHT_EYE]], LID_MARGIN)


def _draw_bar(middle: np.ndarray, strengths: np.ndarray, places: np.ndarray) -> None:
    left, right = places
    begin, end = int(np.percentile(left[:, 0], 97)) - 3, int(np.percentile(right[:, 0], 3)) + 4
    top = max(int(places[..., 1].min()) - 4, 0)
    bottom = int(max(left[left[:, 0].argmax(), 1], right[right[:, 0].argmin(), 1])) + 10
    if end - begin < 4:
        return
    columns = np.arange(begin, end)
    rows = top + find_path(strengths[top:bottom, begin:end].T, BAR_STEP_COST)
    if strengths[rows, columns].mean() > MIN_BAR:
        _draw_run(middle, np.stack([columns, rows], 1), np.ones(len(rows), bool))


def _draw_temple(middle: np.ndarray, strengths: np.ndarray, rim: np.ndarray, side: int, end: float) -> None:
    outer = int(side * (side * rim[:, 0]).max()) - 4 * side
    columns = np.arange(outer, int(np.clip(end + side * TEMPLE_REACH, 0, WIDTH - 1)), side)
    if len(columns) < 4:
        return
    top, bottom = max(int(rim[:, 1].min()) - 6, 0), int((rim[:, 1].min() + rim[:, 1].max()) / 2) + 8
    rows = top + find_path(strengths[top:bottom, columns].T, BAR_STEP_COST)
    bar_strengths = cv2.blur(strengths[rows, columns][None], (7, 1))[0]
    _draw_run(middle, np.stack([columns, rows], 1), bar_strengths > MIN_BAR)


def _draw_run(middle: np.ndarray, places: np.ndarray, visible: np.ndarray) -> None:
    """Draw the steps between (N, 2) px of which either end is shown."""
    corners = np.rint(places).astype(int).tolist()
    for number in np.flatnonzero(visible[:-1] | visible[1:]).tolist():
        cv2.line(middle, corners[number], corners[number + 1], 1)


def _fill(outlines: list[np.ndarray], margin: int) -> np.ndarray:
    """(HEIGHT, WIDTH) bool: inside the (N, 2) outlines and ``margin`` px around them."""
    filled = np.zeros((HEIGHT, WIDTH), np.uint8)
    for outline in outlines:
        cv2.fillPoly(filled, [np.rint(outline).astype(np.int32)], 1)
    if margin:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
        filled = cv2.dilate(filled, disc)
    return filled > 0
