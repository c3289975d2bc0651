"""Eyes and mouth as openings: what lies behind lids and lips is covered and uncovered by them, not stretched.

In a plain warp of the mesh an eye that closes squashes its iris into the slit, and teeth grow with an opening mouth.
Here every opening gets a layer of its own over the warp, that takes from the portrait what stays in its place behind
the moving edge: the eyeball, turned by the gaze, and the teeth, which hang from the upper jaw.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import INNER_LIPS, LEFT_EYE, RIGHT_EYE
from effigie.heads.warp.head_warp import smooth_step

CLOSED, OPEN = (
    0.05,
    0.16,
)  # lid gap over eye width: up to CLOSED a lid shuts whole, from OPEN on it is left alone
OWN = 0.75  # of the portrait's own gap, if that is smaller than OPEN: a squint is no blink
WIDER = (1.8, 0.1)  # times its own gap, and cm more, that an eye opens at most: what is shut cannot be shown
WATERLINE = 0.08  # cm outside the lids' landmarks, which lie on the wet edge, where a shut lid's skin begins
IRIS = 0.2  # radius over the eye's width
CORNER = 0.05  # of the eye's width that an iris keeps from either corner
LOOK = 0.35  # cm up or down
INSET = 0.1  # cm: behind a lid that opens further than in the portrait lies more of what is just inside
MEET = (0.02, 0.14)  # cm between lids that meet, and that do not
LASHES = 0.12  # cm that their line is thick where lids meet
EDGE = 0.03  # cm over which an opening fades into its edge


@dataclass(frozen=True)
class Opening:
    """An eye or the mouth: vertex indices along its upper and its lower edge, both from corner to corner."""

    upper: np.ndarray
    lower: np.ndarray

    @staticmethod
    def of(outline: np.ndarray) -> Opening:
        """From a closed outline that starts in a corner and runs along the upper edge first."""
        half = len(outline) // 2
        return Opening(outline[: half + 1], outline[[0, *range(len(outline) - 1, half - 1, -1)]])

    @property
    def outline(self) -> np.ndarray:
        return np.concatenate([self.upper, self.lower[-2:0:-1]])

    def gap(self, landmarks: np.ndarray) -> float:
        """Pixels between the two edges, near the middle."""
        middle = slice(3, len(self.upper) - 3)
        apart = landmarks[self.lower[middle], :2] - landmarks[self.upper[middle], :2]
        return float(np.hypot(apart[:, 0], apart[:, 1]).mean())

    def width(self, landmarks: np.ndarray) -> float:
        """Pixels from corner to corner."""
        across = landmarks[self.upper[-1], :2] - landmarks[self.upper[0], :2]
        return max(float(np.hypot(across[0], across[1])), 1e-6)


# The right eye's outline starts at its outer corner as the left one's does: turned round, both run left to right.
EYES = (Opening.of(LEFT_EYE), Opening.of(np.roll(RIGHT_EYE[::-1], 9)))
IRISES = (468, 473)  # centres
MOUTH = Opening.of(INNER_LIPS)


class Place:
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
        self._edges = [self.local(points[edge, :2]) for edge in (opening.upper, opening.lower)]
        for edge in self._edges:
            edge[:, 0] = np.maximum.accumulate(edge[:, 0])

    def local(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) coordinates of (..., 2) px."""
        return np.asarray((points - self._start) @ self._back)

    def picture(self, across: np.ndarray, down: np.ndarray) -> np.ndarray:
        """(..., 2) px."""
        return np.asarray(np.stack([across, down], axis=-1) @ self._axes + self._start)

    def edges(self, across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``down`` of the upper and the lower edge."""
        upper, lower = (np.interp(across, edge[:, 0], edge[:, 1]) for edge in self._edges)
        return upper, np.maximum(upper, lower)


@dataclass(frozen=True)
class Layer:
    """A part of the wanted picture that shows through an opening.

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


class Apertures:
    """What the portrait shows behind its lids and lips.

    Args:
        landmarks: (478, 3) of the portrait, px.
        scale: its pixels a cm.
    """

    def __init__(self, landmarks: np.ndarray, scale: float) -> None:
        self._landmarks = landmarks
        self._gaps = [eye.gap(landmarks) / scale for eye in EYES]  # cm
        self._eyes = [Place(eye, landmarks, scale) for eye in EYES]
        self._mouth = Place(MOUTH, landmarks, scale)

    def lids(self, target: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """Close lids that are nearly closed, for a slit left open shows as a glimmer; open none too far.

        Returns:
            the (478, 3) landmarks with such lids moved, and the portrait's (478, 3) with theirs moved outward
            by as much as they close: onto skin.
        """
        target, own = target.copy(), self._landmarks.copy()
        for eye, place, portrait in zip(EYES, self._eyes, self._gaps, strict=True):
            least = max(min(OPEN, OWN * portrait / place.width), 1e-6)
            gap = eye.gap(target)
            keep = (gap / eye.width(target) / least - CLOSED / OPEN) / (1 - CLOSED / OPEN)
            keep = float(np.clip(keep, 0, 1))
            held = min((WIDER[0] * portrait + WIDER[1]) * scale / max(gap, 1e-6), 1.0)
            # The upper lid does most of the way.
            slit = 0.25 * target[eye.upper] + 0.75 * target[eye.lower]
            for edge, sign in ((eye.upper, -1), (eye.lower, 1)):
                target[edge] = slit + keep * held * (target[edge] - slit)
                local = place.local(own[edge[1:-1], :2])
                moved = local[:, 1] + sign * WATERLINE * (1 - keep)
                own[edge[1:-1], :2] = place.picture(local[:, 0], moved)
        return target, own

    def lashes(
        self, target: np.ndarray, scale: float, shape: tuple[int, ...]
    ) -> list[tuple[tuple[slice, slice], np.ndarray]]:
        """Where (478, 3) ``target`` shows closed lids: rows and columns, and (h, w) float32 cover in [0, 1]."""
        lines = []
        for eye, own in zip(EYES, self._gaps, strict=True):
            # Lids that are closed in the portrait show their own.
            closed = float(ramp(own, *MEET) - ramp(eye.gap(target) / scale, *MEET))
            box = _box(target[eye.upper, :2], 0.5 * scale + 2, shape)
            if closed <= 0 or box is None:
                continue
            rows, columns = box
            line = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
            path = (target[eye.upper, :2] + target[eye.lower, :2]) / 2 - [columns.start, rows.start]
            # Thickness is in whole pixels: drawn four times as large, it may be anything.
            big = np.zeros((4 * line.shape[0], 4 * line.shape[1]), np.uint8)
            points = np.round((path + 0.5) * 4 * 16 - 8).astype(np.int32)
            cv2.polylines(big, [points], False, 255, max(4, round(4 * LASHES * scale)), cv2.LINE_AA, 4)
            line = cv2.resize(big, line.shape[::-1], interpolation=cv2.INTER_AREA)
            lines.append(
                (
                    box,
                    cv2.GaussianBlur(line, (0, 0), max(0.4, 0.3 * LASHES * scale)) * np.float32(closed / 255),
                )
            )
        return lines

    def eye(self, number: int, target: np.ndarray, scale: float, shape: tuple[int, ...]) -> Layer | None:
        """The eyeball between the lids of (478, 3) ``target``; None where there is nothing to see.

        Args:
            number: 0 or 1.
            scale: pixels a cm of the target.
            shape: (H, W, ...) of the picture.
        """
        eye, source, iris = EYES[number], self._eyes[number], [IRISES[number]]
        begun = _begin(eye, target, scale, shape)
        if begun is None:
            return None
        box, points, cover = begun
        place = Place(eye, target, scale)
        local = place.local(points)
        was, now = source.local(self._landmarks[iris, :2])[0], place.local(target[iris, :2])[0]
        # Nobody sees an iris behind a closed lid; what the landmarks say of it is a guess.
        gap, own = eye.gap(target) / scale, self._gaps[number]
        sure = float(np.clip((min(gap, own) - 0.1) / 0.3, 0, 1))
        room = (min(IRIS + CORNER, was[0]), max(1 - IRIS - CORNER, was[0]))
        aside = was[0] + sure * (np.clip(now[0], *room) - was[0])
        lowered = sure * float(np.clip(now[1] - was[1], -LOOK, LOOK))
        # The iris moves whole, the white on either side gives and takes.
        rim = np.clip([aside - IRIS, aside + IRIS], 0.01, 0.99)
        across = np.interp(local[..., 0], [-1, 0, *rim, 1, 2], [-1, 0, *(rim - aside + was[0]), 1, 2])
        down, known = _within(local[..., 1] - lowered, *source.edges(across), max(1.5 / scale, EDGE))
        light = _lit(gap) / _lit(own)
        return Layer(box, source.picture(across, down).astype(np.float32), cover, known, min(light, 1.0))

    def mouth(self, target: np.ndarray, scale: float, shape: tuple[int, ...]) -> Layer | None:
        """What the portrait shows between its lips, between those of (478, 3) ``target``."""
        begun = _begin(MOUTH, target, scale, shape)
        if begun is None:
            return None
        box, points, cover = begun
        place = Place(MOUTH, target, scale)
        local = place.local(points)
        # Lips that part further sideways uncover more, but stretch what they hang on to a little as well.
        across = 0.5 + (local[..., 0] - 0.5) * np.sqrt(place.width / self._mouth.width)
        inside = np.clip(across, -0.02, 1.02)
        upper, lower = self._mouth.edges(inside)
        hanging = local[..., 1] - place.edges(local[..., 0])[0] + upper
        down, known = _within(hanging, upper, lower, max(1.5 / scale, EDGE))
        known = known * (1 - ramp(np.abs(across - inside) * place.width, 0.0, 0.15))
        return Layer(box, self._mouth.picture(inside, down).astype(np.float32), cover, known)


def ramp(x: float | np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between."""
    return smooth_step((np.asarray(x, np.float32) - low) / (high - low))


def _within(
    down: np.ndarray, upper: np.ndarray, lower: np.ndarray, edge: float
) -> tuple[np.ndarray, np.ndarray]:
    """``down`` brought between the edges, and how far (0..1) it was there; all in cm.

    What was outside comes in from a little further, for the edges themselves are not what lies behind them.

    Args:
        edge: so little outside is not outside.
    """
    outside = down - np.clip(down, upper - edge, lower + edge)
    inset = np.clip(2 * outside, -INSET - edge, INSET + edge)
    inside = np.clip(down - outside - inset, np.minimum(down, upper), np.maximum(down, lower))
    held = np.where(outside == 0, down, np.clip(inside, upper - edge, lower + edge))
    return held, 1 - ramp(np.abs(outside), 0.0, 0.15)


def _lit(gap: float) -> float:
    """How light an eye is whose lids are ``gap`` cm apart: they and their lashes throw shadows."""
    return 0.5 + 0.5 * float(ramp(gap, 0.1, 0.5))


def _begin(
    opening: Opening, target: np.ndarray, scale: float, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray] | None:
    """The box of an opening, (h, w, 2) px of its pixels, and where it is open."""
    outline = target[opening.outline, :2]
    box = _box(outline, 0.4 * scale + 2, shape)
    if box is None or opening.gap(target) < MEET[0] * scale:
        return None
    rows, columns = box
    x, y = np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    cover = polygon_mask(outline - [columns.start, rows.start], *x.shape)
    cover = cv2.GaussianBlur(cover, (0, 0), max(0.5, EDGE * scale))
    # Nothing of what is behind may show outside.
    return box, np.dstack([x, y]), np.clip(2 * cover - 0.5, 0, 1)


def _box(points: np.ndarray, margin: float, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """Rows and columns of the picture around points, px."""
    low = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(points.max(0) + margin) + 1, [shape[1], shape[0]]).astype(int)
    if (high <= low).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
