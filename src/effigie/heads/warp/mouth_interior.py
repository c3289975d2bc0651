"""Paints a simple inside of mouths that were closed in the portrait: dark, a tongue's shimmer, two rows of teeth.

Colours come from the portrait's own lips and light, so that a grey picture stays grey. The upper teeth are fixed to the
skull, lips move over them; the lower ones hang on the lower lip and lie further back, and in a grin, whose lips part
while the jaw stays shut, on the jaw. Where the portrait shows its own teeth they stay, and only what lies below is
painted; a narrow strip of them goes as the mouth opens far beyond it.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.mask import face_mask, polygon_mask
from effigie.faces.mesh import LEFT_EYE, LEFT_IRIS, OUTER_LIPS, RIGHT_EYE, RIGHT_IRIS
from effigie.heads.warp.eye_mouth import OpeningLayer
from effigie.heads.warp.opening import MOUTH, ramp

CELLS_PER_CM = 24
LEFT, TOP, WIDTH, HEIGHT = (-4.0, -2.0, 8.0, 4.0)  # cm of the plate of teeth around the middle of the closed lips
TEETH = (-0.85, 0.2, 0.035)  # cm: their upper end and edge below the lips' line; how much the row curves up
TOOTH_EDGES = (0.0, 0.85, 1.5, 2.25, 2.85, 3.4)  # cm from the middle, of the upper teeth
LOWER_EDGES = (0.0, 0.53, 1.1, 1.75, 2.4, 3.0)
TOOTH_LIGHT = (1.0, 0.94, 0.84, 0.64, 0.44, 0.28)  # of the teeth from the middle to the cheek, which takes their light
LOWER_RISE, LOWER_LEVEL = 0.22, 0.62  # cm that the lower teeth stand above the lower lip; how bright they are
TEETH_SHOW = (0.08, 0.55)  # cm of opening: light reaches the teeth
LOWER_SHOW = (0.25, 0.6, 1.4, 2.2)  # cm of opening at which the lower teeth come into sight and leave it
TEETH_DEPTH = 0.6  # cm from the lips to the teeth
DARK_LEVEL, TONGUE_LEVEL, TOOTH_LEVEL = 0.33, 0.65, 0.92  # how bright they are
# Of the way that the chin goes down as lips part: so much is theirs and not the jaw's, and what is left opens the teeth
# so far. Grins with shut teeth have 0.32 cm of chin a cm of opening, speech 0.4 to 0.65.
LIP_SHARE, JAW_GAIN = 0.35, 1.5
# Width of the mouth, of the distance of the eyes' outer corners, 0.54 in a calm face, at most 0.69 in speech, 0.75 in a
# grin: up to the first lower teeth hang on the lower lip, from the second on the jaw.
GRIN_RANGE = (0.63, 0.72)
GRIN_LEVEL = 0.9  # how bright lower teeth are in a grin
BITE = 0.03  # cm by which shut teeth overlap
JAW, MOUTH_ENDS, EYE_ENDS = (2, 152), (61, 291), (33, 263)  # landmarks: from the nose to the chin, outer corners
OWN_RANGE = (0.1, 0.3)  # cm of opening from which the portrait has an inside of its own
STRIP_RANGE = (0.4, 0.7)  # cm of opening in the portrait: a strip of teeth, a whole inside
STRIP_GROWTH = (1.5, 3.0)  # times as open as in the portrait: a strip still is the inside, is no longer
GROWTH_RANGE = (0.03, 0.18)  # cm wider than in the portrait: painted not at all, wholly
SHADE_WIDTH = 0.2  # cm of shadow along the lips
# White, of the geometric mean of bright skin and the whites of the eyes, and at most of the skin's: of twelve smiling
# portraits of every skin tone teeth are 1.25 times that mean, and 0.93 to 1.6 times as bright as bright skin.
WHITE_LEVEL, MAX_WHITE = 1.22, 1.75
MIN_SCLERA, IRIS_MARGIN = 12, 1.4  # px; of the square that holds an iris whole


class MouthInterior:
    """The inside of one portrait's mouth.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) px.
        scale: pixels a cm.

    Attributes:
        middle: (3,) px of the portrait; the teeth's middle.
    """

    def __init__(self, image: Image, landmarks: Landmarks, scale: float) -> None:
        self._own_gap = MOUTH.gap(landmarks) / scale
        self._own_jaw = _distance(landmarks, *JAW) / scale
        self.middle = landmarks[MOUTH.outline].mean(0) + np.array([0, 0, TEETH_DEPTH * scale])
        axis = (landmarks[MOUTH.upper[-1], :2] - landmarks[MOUTH.upper[0], :2]) / MOUTH.width(landmarks)
        self._axes = np.stack([axis, [-axis[1], axis[0]]], axis=1) * scale
        self._flesh, self._light = _sample_colors(image, landmarks)
        self._upper = _draw_row(TOOTH_EDGES, upper=True)
        self._lower = _draw_row(LOWER_EDGES, upper=False)

    def own_share(self, opening: float) -> float:
        """0..1, how far what shows between lips ``opening`` cm apart is the portrait's own."""
        if self._own_gap <= OWN_RANGE[0]:
            return 0.0
        strip = 1 - ramp(self._own_gap, *STRIP_RANGE)
        outgrown = ramp(opening, *(self._own_gap * growth + OWN_RANGE[0] for growth in STRIP_GROWTH))
        return float(ramp(self._own_gap, *OWN_RANGE) * (1 - strip * outgrown))

    def paint(
        self,
        picture: Image,
        layer: OpeningLayer,
        target: np.ndarray,
        scale: float,
        turn: np.ndarray,
        middle: np.ndarray,
    ) -> np.ndarray:
        """Paint between the lips of (478, 3) ``target``, in place, where the portrait shows nothing.

        Args:
            picture: (H, W, 3) uint8 RGB.
            layer: the mouth, from :class:`effigie.heads.warp.eye_mouth.EyeMouthWarp`.
            scale: pixels a cm of the target.
            turn: (2, 2) what the head's motion makes of offsets in the portrait.
            middle: (2,) px where the teeth's middle is now.

        Returns:
            (h, w) float32 over the layer's box: how far each pixel was painted over.
        """
        opening = MOUTH.gap(target) / scale
        own = self.own_share(opening)
        share = own + (1 - own) * float(ramp(opening - self._own_gap, *GROWTH_RANGE))
        painted = np.float32(share) * layer.cover * (1 - np.float32(own) * layer.visibility)
        if painted.max(initial=0) < 1 / 255:
            return painted
        rows, columns = layer.box
        corner = np.array([columns.start, rows.start])
        # Lips keep light from what is near them.
        light = cv2.GaussianBlur(layer.cover, (0, 0), max(1.0, SHADE_WIDTH * scale))[..., None]
        tongue = _draw_tongue(target - [*corner, 0], painted.shape, scale)
        color = self._flesh * (DARK_LEVEL + (TONGUE_LEVEL - DARK_LEVEL) * tongue) * light
        if own < 1:
            axes = turn @ self._axes
            lit = float(ramp(opening, *TEETH_SHOW))
            lower, show = self._place_lower_teeth(target, opening, scale, axes, middle, lit)
            rows_of_teeth = ((self._lower, lower, show), (self._upper, middle, lit))
            for row, place, strength in rows_of_teeth:
                to_box = np.column_stack([axes / CELLS_PER_CM, place - corner + axes @ [LEFT, TOP]])
                teeth = cv2.warpAffine(row, to_box, painted.shape[::-1], None, cv2.INTER_AREA)
                cover = ((1 - own) * strength * teeth[..., 1])[..., None]
                tooth = self._light * (TOOTH_LEVEL * teeth[..., :1]) * np.sqrt(light)
                color = color + cover * (tooth - color)
        region = picture[layer.box]
        region[:] = np.round(region + painted[..., None] * (color - region)).astype(np.uint8)
        return painted

    def _place_lower_teeth(
        self, target: np.ndarray, opening: float, scale: float, axes: np.ndarray, middle: np.ndarray, lit: float
    ) -> tuple[np.ndarray, float]:
        """(2,) px of the middle of their edge, and how bright they are."""
        down = axes[:, 1]
        place = (target[MOUTH.lower[4:-4], :2]).mean(0) - LOWER_RISE * down
        show = LOWER_LEVEL * float(ramp(opening, *LOWER_SHOW[:2]) - ramp(opening, *LOWER_SHOW[2:]))
        mouth, eyes = (_distance(target, *ends) for ends in (MOUTH_ENDS, EYE_ENDS))
        grin = float(ramp(mouth / max(eyes, 1e-6), *GRIN_RANGE))
        jaw = max(0.0, _distance(target, *JAW) / scale - self._own_jaw - LIP_SHARE * opening) * JAW_GAIN
        shut = middle + (TEETH[1] - BITE + jaw) * down
        rise = max(0.0, float((place - shut) @ down) / float(down @ down))  # cm; lips may hide them, never push them up
        hung = min(grin, rise / LOWER_RISE)  # where both places are near each other nothing changes
        return place - hung * rise * down, show + hung * (GRIN_LEVEL * lit - show)


def _distance(landmarks: Landmarks, first: int, second: int) -> float:
    """In space: whatever way the head is turned."""
    return float(np.linalg.norm(landmarks[first] - landmarks[second]))


def _draw_row(edges: tuple[float, ...], upper: bool) -> np.ndarray:
    """(h, w, 2) float32 in [0, 1]: light and cover of a row of teeth; a lower one begins at the plate's middle."""
    x, y = np.meshgrid(
        np.arange(int(WIDTH * CELLS_PER_CM)) / CELLS_PER_CM + LEFT,
        np.arange(int(HEIGHT * CELLS_PER_CM)) / CELLS_PER_CM + TOP,
    )
    top, edge, curve = TEETH
    number = np.clip(np.searchsorted(edges, np.abs(x), side="right") - 1, 0, len(edges) - 1)
    distance = np.min([np.abs(np.abs(x) - position) for position in edges], axis=0)
    # Every tooth ends in a soft bow, and those at the sides are a little shorter.
    bow = 0.09 * (1 - ramp(distance, 0.0, 0.22)) + 0.03 * (number == 1)
    if upper:
        inside = edge - curve * x * x - bow - y
        cover = ramp(inside, -0.04, 0.05) * ramp(y, top - 0.25, top)
        # Whiter in the middle than at the gum, and a little glassy at the edge.
        height = np.clip(inside / (edge - top), 0, 1)
        shade = 0.93 + 0.07 * np.sin(np.pi * np.clip(height + 0.15, 0, 1)) - 0.1 * ramp(height, 0.6, 1.0)
    else:
        inside = y - bow + curve * x * x
        cover = ramp(inside, -0.04, 0.06) * (1 - ramp(y, 0.7, 1.0))
        shade = 1 - 0.25 * ramp(inside, 0.0, 0.6)
    round_ = 0.86 + 0.14 * ramp(distance, 0.0, 0.2)
    lines = 1 - 0.4 * np.exp(-((distance / 0.035) ** 2))
    light = shade * round_ * lines * np.take(TOOTH_LIGHT, number)
    light = cv2.GaussianBlur(light, (0, 0), 0.04 * CELLS_PER_CM)
    cover = cover * (1 - ramp(np.abs(x), 2.6, edges[-1]))
    return np.dstack([light, cover]).astype(np.float32)


def _draw_tongue(target: np.ndarray, shape: tuple[int, ...], scale: float) -> np.ndarray:
    """(h, w, 1) in [0, 1]: a soft mound over the lower lip of a wide open mouth."""
    upper, lower = target[13, :2], target[14, :2]
    axis = target[MOUTH.upper[-1], :2] - target[MOUTH.upper[0], :2]
    tall = float(np.hypot(*(lower - upper)))
    strength = float(ramp(tall / scale, 0.5, 1.8))
    mound = np.zeros(shape, np.float32)
    if strength > 0:
        center = lower - 0.05 * (lower - upper)
        sides = (0.6 * float(np.hypot(*axis)), 0.72 * tall)
        angle = float(np.degrees(np.arctan2(axis[1], axis[0])))
        cv2.ellipse(mound, (tuple(center.tolist()), sides, angle), strength, -1, cv2.LINE_AA)
        mound = cv2.GaussianBlur(mound, (0, 0), max(1.0, 0.14 * tall))
    return mound[..., None]


def _sample_colors(image: Image, landmarks: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    """What is behind the lips, a deeper red than they are, and white in the face's light; (3,) float32 each."""
    height, width = image.shape[:2]
    face = face_mask(landmarks, height, width) > 0.5
    if not face.any():
        return np.full(3, 90, np.float32), np.full(3, 200, np.float32)
    skin = image[face].astype(np.float32)
    lips = polygon_mask(landmarks[OUTER_LIPS, :2], height, width) > 0.5
    lips &= polygon_mask(landmarks[MOUTH.outline, :2], height, width) < 0.1
    color = image[lips].astype(np.float32).mean(0) if lips.any() else skin.mean(0)
    bright = 1.1 * float(np.percentile(skin.mean(1), 90))
    if (sclera := _measure_sclera(image, landmarks)) is not None:
        bright = float(np.clip(WHITE_LEVEL * np.sqrt(bright * sclera), bright, MAX_WHITE * bright))
    flesh = color * (color / max(float(color.max()), 1.0)) ** 1.2
    # Highlights on skin are nearly white, but skin all the same.
    tint = skin.mean(0) / max(float(skin.mean(0).max()), 1.0)
    return flesh, min(bright, 255.0) * tint**0.4


def _measure_sclera(image: Image, landmarks: Landmarks) -> float | None:
    """How bright the whites of the eyes are, 0..255; None where hardly any shows. Dark skin tells little of it."""
    height, width = image.shape[:2]
    white = np.zeros((height, width), bool)
    for eye, iris in ((LEFT_EYE, LEFT_IRIS), (RIGHT_EYE, RIGHT_IRIS)):
        middle, ring = landmarks[iris[0], :2], landmarks[iris[1:], :2]  # four points of it
        white |= polygon_mask(landmarks[eye, :2], height, width) > 0.9
        white &= polygon_mask(middle + IRIS_MARGIN * (ring - middle), height, width) < 0.1
    levels = image[white].mean(1)
    return None if len(levels) < MIN_SCLERA else float(np.percentile(levels, 80))
