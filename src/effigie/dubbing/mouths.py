"""The person's own mouths, cut out of pictures of the take: lips, teeth and tongue of a dubbed face come from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from effigie.arrays import Image, Landmarks
from effigie.dubbing.lips import LIPS, DubbedFace
from effigie.dubbing.take import Take
from effigie.faces.mesh import OUTER_LIPS, Pose, middle_lip_gaps
from effigie.media import Frame

MOST_MOUTHS = 160
MARGIN = 0.7  # of the lips' width, that is cut out around them
# Between shut and parted lips lies more than between wide gaps: the distance in the gap's logarithm, cm for a factor e,
# above a gap that is none. Form counts less: a warp changes it well, and does not make teeth go away.
LIP_GAP_WEIGHT, SHUT_CM, FORM_WEIGHT = 1.2, 0.06, 0.6
ROTATION_CM = 1.2  # that a radian of turning counts: the light on lips, and which teeth are seen
BLURRED_CM, COVERED_CM = 1.5, 10.0  # by which a mouth half as sharp as most, or covered, is farther
SWITCH_CM = 0.25  # that a change from one mouth to another costs
FADE_S = 0.03  # standard deviation over time in which one gives way to another
LEAST_WEIGHT = 0.08


@dataclass(frozen=True)
class Mouth:
    """A picture of the mouth.

    Attributes:
        image: (h, w, 3) uint8 RGB.
        landmarks: (478, 3) px of it.
        sharpness: variance of the Laplacian, at one size of face.
        is_covered: whether a hand or a cup is before it.
    """

    image: Image
    landmarks: Landmarks
    sharpness: float
    is_covered: bool


def describe_mouth(shape: np.ndarray, pose: Pose) -> np.ndarray:
    """(D,) float32 cm by which mouths are compared: the lips' form, their gap, the head's pose.

    Args:
        shape: (478, 3) in canonical space, less what the person is at rest.
    """
    gap = middle_lip_gaps(shape)[:, 1]
    parted = LIP_GAP_WEIGHT / np.sqrt(len(gap)) * np.log1p(np.maximum(gap, 0) / SHUT_CM)
    turned = ROTATION_CM * np.radians(pose.angles) * [1.0, 1.0, 0.3]
    form = FORM_WEIGHT * shape[LIPS, :2] / np.sqrt(len(LIPS))
    return np.concatenate([form.ravel(), gap / np.sqrt(len(gap)), parted, turned]).astype(np.float32)


def choose_pictures(features: np.ndarray, most: int = MOST_MOUTHS) -> np.ndarray:
    """Of (M, D) features the rows of at most ``most`` mouths that differ most, ascending: farthest-point sampling."""
    rows = [int(np.argmin(np.linalg.norm(features - np.median(features, axis=0), axis=1)))]
    distance = np.full(len(features), np.inf)
    while len(rows) < min(most, len(features)):
        distance = np.minimum(distance, np.linalg.norm(features - features[rows[-1]], axis=1))
        rows.append(int(np.argmax(distance)))
    return np.unique(rows)


def cut_mouths(
    pictures: Iterable[Frame], numbers: Sequence[int], take: Take, measure_cover: Callable[[Image, int], bool]
) -> list[Mouth]:
    """Cut the mouths of some pictures of a take out of its frames.

    Args:
        pictures: of the clip, in order, from the first on.
        numbers: their numbers in the take, ascending; all show the face.
        measure_cover: frame and number → whether something is before the mouth.
    """
    queue, mouths = list(numbers), list[Mouth]()
    for number, frame in enumerate(pictures):
        if not queue:
            break
        if number != queue[0]:
            continue
        queue.pop(0)
        face = take.faces[number]
        assert face is not None
        lips = face.landmarks[OUTER_LIPS, :2]
        width = float(np.ptp(lips[:, 0]))
        low = np.maximum(np.floor(lips.min(0) - MARGIN * width), 0).astype(int)
        high = np.ceil(lips.max(0) + MARGIN * width).astype(int) + 1
        image = frame.image[low[1] : high[1], low[0] : high[0]].copy()
        landmarks = face.landmarks - np.array([*low, 0], np.float32)
        if min(image.shape[:2]) < 4:
            image = np.zeros((4, 4, 3), np.uint8)
        sharpness = _measure_sharpness(image, width)
        mouths.append(Mouth(image, landmarks, sharpness, measure_cover(frame.image, number)))
    return mouths


def _measure_sharpness(image: Image, width: float) -> float:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, 48 / max(width, 1.0))
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(small, cv2.CV_32F).var())


class MouthBank:
    """Chooses for every picture of a take the mouths that it is made of.

    Args:
        mouths: M.
        features: (M, D) of them.
    """

    def __init__(self, mouths: Sequence[Mouth], features: np.ndarray) -> None:
        self.mouths, self._features = list(mouths), features
        sharpness = np.array([mouth.sharpness for mouth in mouths])
        usual = max(float(np.median(sharpness)), 1e-6)
        blurred = BLURRED_CM * np.maximum(1 - sharpness / usual, 0) * 2
        self._penalty = blurred + COVERED_CM * np.array([mouth.is_covered for mouth in mouths])

    def choose(self, targets: np.ndarray, rate: float) -> list[dict[int, float]]:
        """For each picture of a stretch, mouths with weights that sum to one.

        The cheapest way through the stretch (Viterbi): near mouths, few changes.

        Args:
            targets: (n, D) features of the mouths to be made.
            rate: pictures a second.
        """
        cost = np.zeros(len(self.mouths))
        came = np.zeros((len(targets), len(self.mouths)), np.int16)
        for index, features in enumerate(targets):
            best = int(np.argmin(cost))
            stay = cost <= cost[best] + SWITCH_CM
            came[index] = np.where(stay, np.arange(len(cost)), best)
            cost = np.where(stay, cost, cost[best] + SWITCH_CM)
            cost = cost - cost.min() + np.linalg.norm(self._features - features, axis=1) + self._penalty
        path = np.zeros(len(targets), int)
        path[-1] = int(np.argmin(cost))
        for index in range(len(targets) - 1, 0, -1):
            path[index - 1] = came[index][path[index]]
        return _fade(path, FADE_S * rate)


def find_features(face: DubbedFace, numbers: Iterable[int], as_filmed: bool) -> np.ndarray:
    """(n, D) of some pictures of a take, as they were filmed or as they shall be."""
    descriptions = [face.describe(number, as_filmed) for number in numbers]
    return np.stack([describe_mouth(*one) for one in descriptions])


def _fade(path: np.ndarray, sigma: float) -> list[dict[int, float]]:
    """Weights that change smoothly from one mouth of the path to the next."""
    mouths, positions = np.unique(path, return_inverse=True)
    if len(mouths) == 1:
        return [{int(mouths[0]): 1.0}] * len(path)
    weights: list[dict[int, float]] = [{} for _ in path]
    reach = max(1, round(3 * sigma))
    kernel = gaussian_filter1d(np.eye(2 * reach + 1)[reach], max(sigma, 1e-3))
    for index in range(len(path)):
        for offset, share in zip(range(-reach, reach + 1), kernel, strict=True):
            neighbor = int(mouths[positions[min(max(index + offset, 0), len(path) - 1)]])
            weights[index][neighbor] = weights[index].get(neighbor, 0.0) + float(share)
        shares = {mouth: share for mouth, share in weights[index].items() if share > LEAST_WEIGHT}
        total = sum(shares.values())
        weights[index] = {mouth: share / total for mouth, share in shares.items()}
    return weights
