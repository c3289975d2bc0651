"""Warps eyes and mouth as openings: lids and lips cover and uncover what lies behind them, and do not stretch it.

In a plain warp of the mesh an eye that closes squashes its iris into the slit, and teeth grow with an opening mouth.
Here every opening gets a layer of its own over the warp, that takes from the portrait what stays in its place behind
the moving edge: the eyeball, turned by the gaze (see :mod:`effigie.heads.warp.eyeball`), and the teeth, which hang from
the upper jaw.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import LEFT_IRIS, OPEN_LIDS, RIGHT_IRIS, SHUT_LIDS
from effigie.heads.warp.eyeball import Eyeball
from effigie.heads.warp.opening import EYE_OPENINGS, MOUTH, Opening, OpeningCoordinates, ramp
from effigie.prior.openings import seal_lips

OWN_GAP_SHARE = 0.75  # of the portrait's own gap, if that is smaller than OPEN_LIDS: a squint is no blink
MAX_OPENING = (1.8, 0.1)  # times its own gap, and cm more, that an eye opens at most: what is shut cannot be shown
# cm outside the upper and the lower lid's landmarks where a shut lid's skin begins: the upper edge has its lashes and
# shows them, the lower one is wet and shines.
WATERLINE_CM = (0.02, 0.13)
IRIS_RADIUS = 0.2  # radius over the eye's width
CORNER_MARGIN = 0.05  # of the eye's width that an iris keeps from either corner
MAX_GAZE_CM = 0.35  # cm up or down
INSET_CM = 0.1  # cm: behind a lid that opens further than in the portrait lies more of what is just inside
LASH_GAP_RANGE = (0.02, 0.14)  # cm between lids that meet, and that do not
LOWER_LID_SHARE = 0.1  # of the way by which lids meet
LASH_STRENGTH = 0.6
LASH_WIDTH = 0.1  # cm that their line is thick where lids meet
MIN_EYE_GAP_CM = 0.25  # cm between lids from which an eye shows enough of itself to be taken apart
PARTED_CM = 0.15  # between lips, from which on they are parted
EDGE_WIDTH = 0.03  # cm over which an opening fades into its edge
IRISES = (LEFT_IRIS, RIGHT_IRIS)


@dataclass(frozen=True)
class OpeningLayer:
    """A layer of the target picture that shows through an opening.

    Attributes:
        box: rows and columns of the picture.
        source: (h, w, 2) float32 px of the portrait.
        cover: (h, w) float32 in [0, 1]: where the opening is.
        visibility: (h, w) float32 in [0, 1]: where the portrait shows what belongs there.
        light: 0..1 of the portrait's there.
        color: (h, w, 3) uint8 what is seen; None for the portrait itself, at ``source``.
    """

    box: tuple[slice, slice]
    source: np.ndarray
    cover: np.ndarray
    visibility: np.ndarray
    light: float = 1.0
    color: np.ndarray | None = None


class EyeMouthWarp:
    """Builds the layers behind the lids and lips of one portrait.

    Args:
        image: (H, W, 3) uint8 RGB, the portrait.
        landmarks: (478, 3) of it, px.
        scale: its pixels a cm.
    """

    def __init__(self, image: Image, landmarks: Landmarks, scale: float) -> None:
        self._landmarks = landmarks
        self._gaps = [eye.gap(landmarks) / scale for eye in EYE_OPENINGS]  # cm
        self._eyes = [OpeningCoordinates(eye, landmarks, scale) for eye in EYE_OPENINGS]
        self._eyeballs = [
            Eyeball.measure(image, place, landmarks[rim], scale) if gap > MIN_EYE_GAP_CM else None
            for place, rim, gap in zip(self._eyes, IRISES, self._gaps, strict=True)
        ]
        self._mouth = OpeningCoordinates(MOUTH, landmarks, scale)
        self._lip_gap = MOUTH.gap(landmarks) / scale  # cm

    def adjust_edges(self, target: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """Close lids and lips that are nearly closed, for a slit left open shows as a glimmer; open none too far.

        Returns:
            the (478, 3) landmarks with such lids moved, and the portrait's (478, 3) with theirs moved outward
            by as much as they close: onto skin, as are its lips where they are to meet.
        """
        target, own = target.copy(), seal_lips(self._landmarks, target)
        for eye, place, portrait in zip(EYE_OPENINGS, self._eyes, self._gaps, strict=True):
            least = max(min(OPEN_LIDS, OWN_GAP_SHARE * portrait / place.width), 1e-6)
            gap = eye.gap(target)
            keep = (gap / eye.width(target) / least - SHUT_LIDS / OPEN_LIDS) / (1 - SHUT_LIDS / OPEN_LIDS)
            keep = float(np.clip(keep, 0, 1))
            cap = min((MAX_OPENING[0] * portrait + MAX_OPENING[1]) * scale / max(gap, 1e-6), 1.0)
            # The upper lid does most of the way.
            slit = LOWER_LID_SHARE * target[eye.upper] + (1 - LOWER_LID_SHARE) * target[eye.lower]
            for edge, sign, wet in zip((eye.upper, eye.lower), (-1, 1), WATERLINE_CM, strict=True):
                target[edge] = slit + keep * cap * (target[edge] - slit)
                local = place.to_local(own[edge[1:-1], :2])
                height = local[:, 1] + sign * wet * (1 - keep)
                own[edge[1:-1], :2] = place.to_picture(local[:, 0], height)
        return target, own

    def list_tight(self, target: np.ndarray, scale: float) -> list[Opening]:
        """Openings of (478, 3) ``target`` whose edges may meet: the eyes, and lips that the portrait shows parted."""
        shuts = self._lip_gap > PARTED_CM > MOUTH.gap(target) / scale
        return [*EYE_OPENINGS, *([MOUTH] if shuts else [])]

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
                (
                    box,
                    cv2.GaussianBlur(line, (0, 0), max(0.4, 0.3 * LASH_WIDTH * scale))
                    * np.float32(LASH_STRENGTH * closed / 255),
                )
            )
        return lines

    def build_eye_layer(
        self, number: int, target: np.ndarray, scale: float, turn: np.ndarray, shape: tuple[int, ...]
    ) -> OpeningLayer | None:
        """The eyeball between the lids of (478, 3) ``target``; None where there is nothing to see.

        Args:
            number: 0 or 1.
            scale: pixels a cm of the target.
            turn: (2, 2) what the head's motion makes of offsets in the portrait.
            shape: (H, W, ...) of the picture.
        """
        eye, source, iris = EYE_OPENINGS[number], self._eyes[number], IRISES[number][:1]
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
        light = min(_eye_light(gap) / _eye_light(own), 1.0)
        edge = max(1.5 / scale, EDGE_WIDTH)
        eyeball = self._eyeballs[number]
        if eyeball is None:
            down, visibility = _clamp_between_edges(local[..., 1] - lowered, *source.edges(local[..., 0]), edge)
            source_points = source.to_picture(local[..., 0], down)
            return OpeningLayer(box, source_points.astype(np.float32), cover, visibility, light)
        # Lids take their shadows along, and the smooth white may be squeezed and stretched between them.
        stretched = _stretch_between_edges(local, place, source, max(3 / scale, INSET_CM))
        source_points = source.to_picture(local[..., 0], stretched)
        middle = place.to_picture(aside, was[1] + lowered) + turn @ (eyeball.middle - self._landmarks[iris[0], :2])
        color = np.rint(light * eyeball.draw(source_points, points, middle, turn)).astype(np.uint8)
        whole, share = eyeball.iris_source(points, middle, turn)
        visibility = _clamp_between_edges(local[..., 1], *source.edges(local[..., 0]), edge)[1]
        return OpeningLayer(
            box,
            np.where(share[..., None] > 0.5, whole, source_points).astype(np.float32),
            cover,
            visibility,
            1.0,
            color,
        )

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
        down, visibility = _clamp_between_edges(hanging, upper, lower, max(1.5 / scale, EDGE_WIDTH))
        visibility = visibility * (1 - ramp(np.abs(across - inside) * place.width, 0.0, 0.15))
        return OpeningLayer(box, self._mouth.to_picture(inside, down).astype(np.float32), cover, visibility)


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
    result = np.where(outside == 0, down, np.clip(inside, upper - edge, lower + edge))
    return result, 1 - ramp(np.abs(outside), 0.0, 0.15)


def _stretch_between_edges(
    local: np.ndarray, place: OpeningCoordinates, source: OpeningCoordinates, most: float
) -> np.ndarray:
    """(h, w) cm ``down`` in ``source`` of points that lie between its edges as ``local`` does in ``place``.

    Args:
        most: cm outside the edges that points stay at most.
    """
    (upper, lower), (first, last) = (coordinates.edges(local[..., 0]) for coordinates in (place, source))
    down = local[..., 1]
    inside = np.clip(down, upper, lower)
    stretch = (last - first + EDGE_WIDTH) / (lower - upper + EDGE_WIDTH)  # in the corners both are nothing
    return np.asarray(first + stretch * (inside - upper) + np.clip(down - inside, -most, most))


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
