"""Relief: whether what turns before the camera is a head, or a picture on a sheet.

Between two views of a sheet, flat or bent, the picture moves by a smooth map of the plane; of a head it does not: the
nose moves against the cheeks. Both explanations are tried on the picture itself. Landmarks alone do not tell: the
network that finds them knows heads, and sees relief in a photo that is bent.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator

from effigie.arrays import Landmarks
from effigie.faces.mesh import INNER_LIPS, LEFT_EYE, MESH_VERTEX_COUNT, OUTER_LIPS, RIGHT_EYE
from effigie.granting.performance import CROP_SIZE, View

# Nose and what surrounds it, up to cheekbones, forehead and mouth; lips and eyes move by themselves and are left out.
REGION = (
    *(1, 2, 4, 5, 6, 19, 45, 48, 64, 94, 98, 115, 122, 168, 195, 197, 220, 275, 278, 294, 327, 344, 351, 440),
    *(50, 280, 205, 425, 117, 346, 118, 347, 151, 9, 8, 101, 330, 36, 266),
)
MOVING = (OUTER_LIPS, LEFT_EYE, RIGHT_EYE)
MOVING_MARGIN = 9  # px
DEGREE = 3  # of the polynomials that stand for a sheet: more than perspective and a bend ask for
GRID_STEP = 8  # px between the points that are followed
MAX_RETURN_PX = 1.5  # a point that is followed there and back again comes home as near as that
MIN_POINTS = 40
LOCAL_SIGMA, MIN_CONTRAST = 6.0, 3.0  # px, levels: light that changes as a head turns is taken out


def measure_relief(views: Sequence[View]) -> float | None:
    """How much worse a sheet explains the last of some views than a head does: ratio of the pictures' differences.

    Of real heads that turn by ten degrees it is 0.4 to 1.5, of photos that are turned and bent 0.1 to 0.3. Noise and
    blur bring it nearer to 1.

    Args:
        views: of one face, frame by frame, from facing the camera to the furthest of a turn.

    Returns:
        The ratio; None where too little can be followed.
    """
    first, last = views[0], views[-1]
    mask = _rigid_region(first.landmarks)
    sheet = _fit_sheet([view.crop for view in views], mask)
    if sheet is None:
        return None
    rows, columns = np.nonzero(mask)
    places = np.stack([columns, rows], 1).astype(np.float64)
    vertices = _still_vertices()
    head = LinearNDInterpolator(first.landmarks[vertices, :2], last.landmarks[vertices, :2])(places)
    pixels = _flatten_light(first.crop)[rows, columns]
    target = _flatten_light(last.crop)
    differences = [_difference(pixels, target, _terms(places) @ sheet), _difference(pixels, target, head)]
    return float(differences[0] / max(differences[1], 1e-3))


def _rigid_region(landmarks: Landmarks) -> np.ndarray:
    """(S, S) bool of a crop."""
    region = np.zeros((CROP_SIZE, CROP_SIZE), np.uint8)
    _fill(region, landmarks[[*REGION]])
    for ring in MOVING:
        moving = np.zeros_like(region)
        _fill(moving, landmarks[ring])
        region[cv2.dilate(moving, np.ones((MOVING_MARGIN, MOVING_MARGIN), np.uint8)) > 0] = 0
    return np.asarray(region > 0)


def _fill(picture: np.ndarray, points: np.ndarray) -> None:
    hull = cv2.convexHull(points[:, :2].astype(np.float32))
    cv2.fillConvexPoly(picture, np.round(hull).astype(np.int32), (255,))


def _fit_sheet(crops: Sequence[np.ndarray], mask: np.ndarray) -> np.ndarray | None:
    """(terms, 2) coefficients of the smooth map by which points of the region move from the first crop to the last."""
    region = cv2.dilate(mask.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    grid = np.mgrid[GRID_STEP:CROP_SIZE:GRID_STEP, GRID_STEP:CROP_SIZE:GRID_STEP].reshape(2, -1).T
    start = grid[region[grid[:, 0], grid[:, 1]]][:, ::-1].astype(np.float32)
    if len(start) < MIN_POINTS:
        return None
    end = _follow(crops, start)
    back = _follow(crops[::-1], end)
    whole = np.linalg.norm(back - start, axis=1) < MAX_RETURN_PX
    if whole.sum() < MIN_POINTS:
        return None
    terms, weights = _terms(start.astype(np.float64)), whole.astype(np.float64)
    for _ in range(8):  # points that a sheet does not explain count less: a nose must not bend the sheet
        solved, *_ = np.linalg.lstsq(terms * weights[:, None], end * weights[:, None], rcond=None)
        weights = whole / (1 + ((terms @ solved - end) ** 2).sum(1))
    return np.asarray(solved)


def _follow(crops: Sequence[np.ndarray], points: np.ndarray) -> np.ndarray:
    places = points.reshape(-1, 1, 2)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01)
    for crop, next_crop in itertools.pairwise(crops):
        places, _, _ = cv2.calcOpticalFlowPyrLK(
            crop, next_crop, places, places.copy(), winSize=(21, 21), maxLevel=3, criteria=criteria
        )
    return np.asarray(places.reshape(-1, 2))


def _terms(places: np.ndarray) -> np.ndarray:
    """(N, terms) of the polynomial at (N, 2) px of the crop."""
    x, y = ((places - CROP_SIZE / 2) / (CROP_SIZE / 4)).T
    return np.stack([x**i * y**j for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)], 1)


def _flatten_light(crop: np.ndarray) -> np.ndarray:
    """(S, S) float32: each pixel against its surroundings, in their contrast."""
    gray = crop.astype(np.float32)
    change = gray - cv2.GaussianBlur(gray, (0, 0), LOCAL_SIGMA)
    spread = cv2.GaussianBlur(change * change, (0, 0), LOCAL_SIGMA)
    return np.asarray(change / np.sqrt(spread + MIN_CONTRAST**2))


def _difference(pixels: np.ndarray, picture: np.ndarray, places: np.ndarray) -> float:
    """1 minus the correlation of pixels with those of another picture at (N, 2) places; places outside are left out."""
    inside = np.isfinite(places).all(axis=1)
    columns, rows = places[inside].T.astype(np.float32)
    counterpart = cv2.remap(picture, columns.reshape(-1, 1), rows.reshape(-1, 1), cv2.INTER_LINEAR).ravel()
    return float(1 - np.corrcoef(pixels[inside], counterpart)[0, 1])


@cache
def _still_vertices() -> np.ndarray:
    return np.setdiff1d(np.arange(MESH_VERTEX_COUNT), np.concatenate([INNER_LIPS, OUTER_LIPS]))
