"""Skin colour: how far the made face's skin is off the footage's own, at six places.

Unit: CIE76 distance in CIELAB of the median colours of a small square, made and filmed face each at its own landmarks,
of the mean difference over the frames; the worst of forehead, cheek and jaw, left and right. 2.3 is just noticeable.

What fools it: hair on the forehead, a beard or glasses at a cheek on either side count as colour. A source whose own
complexion is wanted is right to be far off.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.mesh import eye_distance

PLACES = {
    "forehead left": 108,
    "forehead right": 337,
    "cheek left": 50,
    "cheek right": 280,
    "jaw left": 214,
    "jaw right": 434,
}
HALF_SIDE = 0.1  # of the eye distance


def measure_skin(image: Image, landmarks: Landmarks) -> np.ndarray:
    """(6, 3) CIELAB at :data:`PLACES` of an (H, W, 3) uint8 picture; NaN outside of it."""
    radius = max(2, int(HALF_SIDE * eye_distance(landmarks)))
    colors = np.full((len(PLACES), 3), np.nan)
    for number, vertex in enumerate(PLACES.values()):
        x, y = np.rint(landmarks[vertex, :2]).astype(int)
        patch = image[max(y - radius, 0) : max(y + radius + 1, 0), max(x - radius, 0) : max(x + radius + 1, 0)]
        if patch.size:
            lab = cv2.cvtColor(patch.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
            colors[number] = np.median(lab.reshape(-1, 3), axis=0)
    return colors


def worst_skin_difference(differences: np.ndarray) -> float:
    """The largest CIE76 distance over the places, of (N, 6, 3) differences; NaN where there are none."""
    finite = differences[np.isfinite(differences).all((1, 2))]
    return float(np.linalg.norm(finite.mean(0), axis=1).max()) if len(finite) else float("nan")
