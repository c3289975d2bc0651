"""Finds faces that stand turned in the picture: upside down, or lying on their side.

Detectors are trained on upright faces. Of others they find some, and may take an upside-down mouth for the eyes; the
landmark network then fits a face to that which it is sure of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from effigie.arrays import Image
from effigie.faces.crop import Roi, crop
from effigie.faces.detector import Detection

Detector = Callable[[Image], list[Detection]]

# Upright faces have 0.9 or more, in pictures of 24 people; upside down those have 0.83 at most.
SURE_SCORE = 0.9
TURNED_SCORE = 0.85  # of a face that is believed to stand turned against how it was read
TURNED_GAIN = 0.06  # by which that is more than as it was read
MISREAD_ANGLE = np.pi / 9  # from which a second look turns it, too
CONTEXT = 1.6  # side of what is looked at, of the landmark network's square
LOOK_SIZE = 128  # px


def correct_turn(image: Image, roi: Roi, detector: Detector) -> Roi | None:
    """The square of a face that stands turned against ``roi``, mostly by a quarter or a half; None where it does not.

    Args:
        image: (H, W, 3) uint8 RGB.
        roi: a square in which a face was detected, not surely.
        detector: looks at upright faces.
    """
    looks = [_look(image, replace(roi, angle=roi.angle + turn * np.pi / 2), detector) for turn in range(4)]
    scores = [0.0 if look is None else look[0] for look in looks]
    best = int(np.argmax(scores))
    look = looks[best]
    if look is None or scores[best] < TURNED_SCORE or (best and scores[best] < scores[0] + TURNED_GAIN):
        return None
    turned = abs((look[1].angle - roi.angle + np.pi) % (2 * np.pi) - np.pi)
    return look[1] if turned > MISREAD_ANGLE else None


def detect_turned(image: Image, detector: Detector) -> Iterator[Roi]:
    """Squares of faces in the picture turned by a half, and by a quarter either way."""
    height, width = image.shape[:2]
    for turn in (2, 1, 3):
        for detection in detector(np.ascontiguousarray(np.rot90(image, turn))):
            roi = detection.roi()
            # Pixels' centres are whole numbers.
            x, y = {
                1: (width - 1 - roi.y, roi.x),
                2: (width - 1 - roi.x, height - 1 - roi.y),
                3: (roi.y, height - 1 - roi.x),
            }[turn]
            yield Roi(x, y, roi.side, roi.angle + turn * np.pi / 2)


def find_upright_turn(image: Image, detector: Detector) -> int:
    """How many quarters (0 to 3), as by ``np.rot90``, turn a picture upright by its surest face; 0 without any."""
    scores = [0.0] * 4
    for turn in range(4):
        turned = np.ascontiguousarray(np.rot90(image, turn)) if turn else image
        level = [detection.score for detection in detector(turned) if abs(detection.roi().angle) < np.pi / 4]
        scores[turn] = max(level, default=0.0)
        if scores[0] >= SURE_SCORE:
            return 0
    best = int(np.argmax(scores))
    return best if scores[best] >= max(TURNED_SCORE, scores[0] + TURNED_GAIN) else 0


def _look(image: Image, roi: Roi, detector: Detector) -> tuple[float, Roi] | None:
    """Score and square of the best face in the middle of a square, which is turned upright for it."""
    context = replace(roi, side=roi.side * CONTEXT)
    detections = detector(crop(image, context.matrix(LOOK_SIZE), LOOK_SIZE))
    scale = context.side / LOOK_SIZE
    cosine, sine = scale * np.cos(roi.angle), scale * np.sin(roi.angle)
    best: tuple[float, Roi] | None = None
    for detection in detections:
        inner = detection.roi()
        across, down = inner.x - LOOK_SIZE / 2, inner.y - LOOK_SIZE / 2
        place = Roi(
            roi.x + cosine * across - sine * down,
            roi.y + sine * across + cosine * down,
            inner.side * scale,
            roi.angle + inner.angle,
        )
        if place.overlap(roi) > 0.5 and (best is None or detection.score > best[0]):
            best = detection.score, place
    return best
