"""Warps eyes and mouth as openings: lids and lips cover and uncover what lies behind them, and do not stretch it.

In a plain warp of the mesh an eye that closes squashes its iris into the slit, and teeth grow with an opening mouth.
Here every opening gets a layer of its own over the warp, that takes from the portrait what stays in its place behind
the moving edge: the eyeball, turned by the gaze, and the teeth, which hang from the upper jaw.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import INNER_LIPS, LEFT_EYE, OPEN_LIDS, RIGHT_EYE, SHUT_LIDS
from effigie.heads.warp.head_warp import smooth_step

OWN_GAP_SHARE = 0.75  # of the portrait's own gap, if that is smaller than OPEN_LIDS: a squint is no blink
MAX_OPENING = (1.8, 0.1)  # times its own gap, and cm more, that an eye opens at most: what is shut cannot be shown
WATERLINE_CM = 0.08  # cm outside the lids' landmarks, which lie on the wet edge, where a shut lid's skin begins
IRIS_RADIUS = 0.2  # radius over the eye's width
CORNER_MARGIN = 0.05  # of the eye's width that an iris keeps from either corner
MAX_GAZE_CM = 0.35  # cm up or down
INSET_CM = 0.1  # cm: behind a lid that opens further than in the portrait lies more of what is just inside
LASH_GAP_RANGE = (0.02, 0.14)  # cm between lids that meet, and that do not
LASH_WIDTH = 0.12  # cm that their line is thick where lids meet
EDGE_WIDTH = 0.03  # cm over which an opening fades into its edge


@dataclass(frozen=True)
class Opening:
    """An eye or the mouth: vertex indices along its upper and its lower edge, both from corner to corner."""

    upper: np.ndarray
    lower: np.ndarray

    @staticmethod
    def from_outline(outline: np.ndarray) -> Opening:
        """An opening from a closed outline that starts in a corner and runs along the upper edge first."""
        half = len(outline) // 2
        return Opening(outline[: half + 1], outline[[0, *range(len(outline) - 1, half - 1, -1)]])

    @property
    def outline(self) -> np.ndarray:
        return np.concatenate([self.upper, self.lower[-2:0:-1]])

    def gap(self, landmarks: Landmarks) -> float:
        """Pixels between the two edges, near the middle."""
        middle = slice(3, len(self.upper) - 3)
        apart = landmarks[self.lower[middle], :2] - landmarks[self.upper[middle], :2]
        return float(np.hypot(apart[:, 0], apart[:, 1]).mean())

    def width(self, landmarks: Landmarks) -> float:
        """Pixels from corner to corner."""
        across = landmarks[self.upper[-1], :2] - landmarks[self.upper[0], :2]
        return max(float(np.hypot(across[0], across[1])), 1e-6)


# The right eye's outline starts at its outer corner as the left one's does: turned round, both run left to right.
EYE_OPENINGS = (Opening.from_outline(LEFT_EYE), Opening.from_outline(np.roll(RIGHT_EYE[::-1], 9)))
IRISES = (468, 473)  # centres
MOUTH = Opening.from_outline(INNER_LIPS)


class OpeningCoordinates:
    """Coordinates in an opening: ``across`` 0..1 from corner to corner, ``down`` in cm at right angles.

    Args:
        points: (>= 468, >= 2) landmarks px.
        scale: pixels a cm.
    """

    def __init__(self, opening: Opening, points: np.ndarray, scale: float) -> None:
        self._start = points[opening.upper[0], :2].astype(np.float64)
        axis = points[opening.upper[-1], :2] - self._start
        length = opening.width(points)
        self.width = length / scale
        self._axes = np.stack([axis, np.array([-axis[1], axis[0]]) / length * scale])
        self._back = np.linalg.pinv(self._axes)
        self._edges = [self.to_local(points[edge, :2]) for edge in (opening.upper, opening.lower)]
        for edge in self._edges:
            edge[:, 0] = np.maximum.accumulate(edge[:, 0])

    def to_local(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) coordinates of (..., 2) px."""
        return np.asarray((points - self._start) @ self._back)

    def to_picture(self, across: np.ndarray, down: np.ndarray) -> np.ndarray:
        """(..., 2) px of local coordinates."""
        return np.asarray(np.stack([across, down], axis=-1) @ self._axes + self._start)

    def edges(self, across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``down`` of the upper and the lower edge."""
        upper, lower = (np.interp(across, edge[:, 0], edge[:, 1]) for edge in self._edges)
        return upper, np.maximum(upper, lower)


@dataclass(frozen=True)
class OpeningLayer:
    """A layer of the target picture that shows through an opening.

    Attributes:
        box: rows and columns of the picture.
        source: (h, w, 2) float32 px of the portrait.
        cover: (h, w) float32 in [0, 1]: where the opening is.
        known: (h, w) float32 in [0, 1]: where the portrait shows what belongs there.
        light: 0..1 of the portrait's there.
    """

    box: tuple[slice, slice]
    source: np.ndarray
    cover: np.ndarray
    known: np.ndarray
    light: float = 1.0


class EyeMouthWarp:
    """Builds the layers behind the lids and lips of one portrait.

    Args:
        landmarks: (478, 3) of the portrait, px.
        scale: its pixels a cm.
    """

    def __init__(self, landmarks: Landmarks, scale: float) -> None:
        self._landmarks = landmarks
        self._gaps = [eye.gap(landmarks) / scale for eye in EYE_OPENINGS]  # cm
        self._eyes = [OpeningCoordinates(eye, landmarks, scale) for eye in EYE_OPENINGS]
        self._mouth = OpeningCoordinates(MOUTH, landmarks, scale)

    def adjust_lids(self, target: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """Close lids that are nearly closed, for a slit left open shows as a glimmer; open none too far.

        Returns:
            the (478, 3) landmarks with such lids moved, and the portrait's (478, 3) with theirs moved outward
            by as much as they close: onto skin.
        """
        target, own = target.copy(), self._landmarks.copy()
        for eye, place, portrait in zip(EYE_OPENINGS, self._eyes, self._gaps, strict=True):
            least = max(min(OPEN_LIDS, OWN_GAP_SHARE * portrait / place.width), 1e-6)
            gap = eye.gap(target)
            keep = (gap / eye.width(target) / least - SHUT_LIDS / OPEN_LIDS) / (1 - SHUT_LIDS / OPEN_LIDS)
            keep = float(np.clip(keep, 0, 1))
            held = min((MAX_OPENING[0] * portrait + MAX_OPENING[1]) * scale / max(gap, 1e-6), 1.0)
            # The upper lid does most of the way.
            slit = 0.25 * target[eye.upper] + 0.75 * target[eye.lower]
            for edge, sign in ((eye.upper, -1), (eye.lower, 1)):
                target[edge] = slit + keep * held * (target[edge] - slit)
                local = place.to_local(own[edge[1:-1], :2])
                moved = local[:, 1] + sign * WATERLINE_CM * (1 - keep)
                own[edge[1:-1], :2] = place.to_picture(local[:, 0], moved)
        return target, own

    def build_lash_lines(
        self, target: np.ndarray, scale: float, shape: tuple[int, ...]
    ) -> list[tuple[tuple[slice, slice], np.ndarray]]:
        """Where (478, 3) ``target`` shows closed lids: rows and columns, and (h, w) float32 cover in [0, 1]."""
        lines = []
        for eye, own in zip(EYE_OPENINGS, self._gaps, strict=True):
            # Lids that are closed in the portrait show their own.
            closed = float(ramp(own, *LASH_GAP_RANGE) - ramp(eye.gap(target) / scale, *LASH_GAP_RANGE))
            box = _bounding_box(target[eye.upper, :2], 0.5 * scale + 2, shape)
            if closed <= 0 or box is None:
                continue
            rows, columns = box
            line = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
            path = (target[eye.upper, :2] + target[eye.lower, :2]) / 2 - [columns.start, rows.start]
            # Thickness is in whole pixels: drawn four times as large, it may be anything.
            big = np.zeros((4 * line.shape[0], 4 * line.shape[1]), np.uint8)
            points = np.round((path + 0.5) * 4 * 16 - 8).astype(np.int32)
            cv2.polylines(big, [points], False, 255, max(4, round(4 * LASH_WIDTH * scale)), cv2.LINE_AA, 4)
            line = cv2.resize(big, line.shape[::-1], interpolation=cv2.INTER_AREA)
            lines.append(
                (box, cv2.GaussianBlur(line, (0, 0), max(0.4, 0.3 * LASH_WIDTH * scale)) * np.float32(closed / 255))
            )
        return lines

    def build_eye_layer(
        self, number: int, target: np.ndarray, scale: float, shape: tuple[int, ...]
    ) -> OpeningLayer | None:
        """The eyeball between the lids of (478, 3) ``target``; None where there is nothing to see.

        Args:
            number: 0 or 1.
            scale: pixels a cm of the target.
            shape: (H, W, ...) of the picture.
        """
        eye, source, iris = EYE_OPENINGS[number], self._eyes[number], [IRISES[number]]
        region = _opening_region(eye, target, scale, shape)
        if region is None:
            return None
        box, points, cover = region
        place = OpeningCoordinates(eye, target, scale)
        local = place.to_local(points)
        was, now = source.to_local(self._landmarks[iris, :2])[0], place.to_local(target[iris, :2])[0]
        # Nobody sees an iris behind a closed lid; what the landmarks say of it is a guess.
        gap, own = eye.gap(target) / scale, self._gaps[number]
        sure = float(np.clip((min(gap, own) - 0.1) / 0.3, 0, 1))
        room = (min(IRIS_RADIUS + CORNER_MARGIN, was[0]), max(1 - IRIS_RADIUS - CORNER_MARGIN, was[0]))
        aside = was[0] + sure * (np.clip(now[0], *room) - was[0])
        lowered = sure * float(np.clip(now[1] - was[1], -MAX_GAZE_CM, MAX_GAZE_CM))
        # The iris moves whole, the white on either side gives and takes.
        rim = np.clip([aside - IRIS_RADIUS, aside + IRIS_RADIUS], 0.01, 0.99)
        across = np.interp(local[..., 0], [-1, 0, *rim, 1, 2], [-1, 0, *(rim - aside + was[0]), 1, 2])
        down, known = _clamp_between_edges(local[..., 1] - lowered, *source.edges(across), max(1.5 / scale, EDGE_WIDTH))
        light = _eye_light(gap) / _eye_light(own)
        return OpeningLayer(box, source.to_picture(across, down).astype(np.float32), cover, known, min(light, 1.0))

    def build_mouth_layer(self, target: np.ndarray, scale: float, shape: tuple[int, ...]) -> OpeningLayer | None:
        """What the portrait shows between its lips, between those of (478, 3) ``target``."""
        region = _opening_region(MOUTH, target, scale, shape)
        if region is None:
            return None
        box, points, cover = region
        place = OpeningCoordinates(MOUTH, target, scale)
        local = place.to_local(points)
        # Lips that part further sideways uncover more, but stretch what they hang on to a little as well.
        across = 0.5 + (local[..., 0] - 0.5) * np.sqrt(place.width / self._mouth.width)
        inside = np.clip(across, -0.02, 1.02)
        upper, lower = self._mouth.edges(inside)
        hanging = local[..., 1] - place.edges(local[..., 0])[0] + upper
        down, known = _clamp_between_edges(hanging, upper, lower, max(1.5 / scale, EDGE_WIDTH))
        known = known * (1 - ramp(np.abs(across - inside) * place.width, 0.0, 0.15))
        return OpeningLayer(box, self._mouth.to_picture(inside, down).astype(np.float32), cover, known)


def ramp(x: float | np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between."""
    return smooth_step((np.asarray(x, np.float32) - low) / (high - low))


def _clamp_between_edges(
    down: np.ndarray, upper: np.ndarray, lower: np.ndarray, edge: float
) -> tuple[np.ndarray, np.ndarray]:
    """``down`` brought between the edges, and how far (0..1) it was there; all in cm.

    What was outside comes in from a little further, for the edges themselves are not what lies behind them.

    Args:
        edge: so little outside is not outside.
    """
    outside = down - np.clip(down, upper - edge, lower + edge)
    inset = np.clip(2 * outside, -INSET_CM - edge, INSET_CM + edge)
    inside = np.clip(down - outside - inset, np.minimum(down, upper), np.maximum(down, lower))
    held = np.where(outside == 0, down, np.clip(inside, upper - edge, lower + edge))
    return held, 1 - ramp(np.abs(outside), 0.0, 0.15)


def _eye_light(gap: float) -> float:
    """How light an eye is whose lids are ``gap`` cm apart: they and their lashes throw shadows."""
    return 0.5 + 0.5 * float(ramp(gap, 0.1, 0.5))


def _opening_region(
    opening: Opening, target: np.ndarray, scale: float, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray] | None:
    """The box of an opening, (h, w, 2) px of its pixels, and where it is open."""
    outline = target[opening.outline, :2]
    box = _bounding_box(outline, 0.4 * scale + 2, shape)
    if box is None or opening.gap(target) < LASH_GAP_RANGE[0] * scale:
        return None
    rows, columns = box
    x, y = np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    cover = polygon_mask(outline - [columns.start, rows.start], *x.shape)
    cover = cv2.GaussianBlur(cover, (0, 0), max(0.5, EDGE_WIDTH * scale))
    # Nothing of what is behind may show outside.
    return box, np.dstack([x, y]), np.clip(2 * cover - 0.5, 0, 1)


def _bounding_box(points: np.ndarray, margin: float, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """Rows and columns of the picture around points, px."""
    low = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(points.max(0) + margin) + 1, [shape[1], shape[0]]).astype(int)
    if (high <= low).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
