"""Where the landmarks of a dubbed face shall be: at rest as the take shows it, with a mouth that says other words."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from effigie.arrays import Landmarks
from effigie.dubbing.resting_face import RestingFace
from effigie.dubbing.take import Take
from effigie.faces.mesh import INNER_LIPS, OUTER_LIPS, Pose
from effigie.heads.motion.retarget import compute_proportions
from effigie.heads.speech.dataset import mouth_mask
from effigie.heads.speech.inference.mouth import MouthTrack
from effigie.heads.speech.inference.shapes import part_lips
from effigie.heads.speech.network import MouthModel

LIPS = np.unique(np.concatenate([INNER_LIPS, OUTER_LIPS]))
# The lips' gap is kept to what the take has shown, times the first, or to the second where that is more, cm.
MORE_GAP, LEAST_GAP_CM = 1.3, 0.45
GAP_PERCENTILE = 99
PRESSED_CM = 0.06  # by which lips that speak shut more than lips at rest: p, b and m press them together
# Of the largest way of a lip's landmark, cm: below the first the take's own mouth stays, from the second on it is made.
SAME_CM, OTHER_CM = 0.08, 0.2
EASE_S = 0.08  # standard deviation of coming and going
AROUND_S = 0.16  # before and after, in which a made mouth stays made
FACING_DEG, TURNED_DEG = 45.0, 60.0  # yaw from which a mouth is made less, and not at all


class DubbedFace:
    """Where a person's landmarks are in every picture, as they were filmed and as they shall be.

    Args:
        take: the person's.
        rest: of the take.
        mouth: what it is to do, at the take's pictures.
        model: whose shapes ``mouth`` is in.
        speaks: (N,) bool, whether the person in the take speaks: where nothing is said, that mouth is put to rest, and
            any other stays as it was.

    Attributes:
        shares: (N,) float32 in 0..1: how much of the made mouth is shown; 0 leaves the picture as it was.
        gaps: (N,) float32 cm wanted between the inner lips.
        limited_count: number of pictures whose lips part less than the sound wants, because the take never shows that.
        turned_count: number of pictures in which the head is turned too far.
    """

    def __init__(self, take: Take, rest: RestingFace, mouth: MouthTrack, model: MouthModel, speaks: np.ndarray) -> None:
        self._rest, self._mouth, self._model = rest, mouth, model
        self._mask = mouth_mask()[:, None]
        self._scale = compute_proportions(rest.neutral, model.rest)
        visible_gaps = rest.gaps[rest.present]
        self.most_gap = max(MORE_GAP * float(np.percentile(visible_gaps, GAP_PERCENTILE)), LEAST_GAP_CM)
        gaps = float(self._scale[1]) * mouth.gaps
        gaps = np.maximum(gaps, rest.shut_gap)
        gaps = gaps - PRESSED_CM * np.exp((rest.shut_gap - gaps) / PRESSED_CM)
        self.limited_count = int((rest.present & (mouth.activity > 0) & (gaps > self.most_gap)).sum())
        # Softly: the loudest vowels still differ from each other.
        self.gaps = np.where(mouth.activity > 0, _limit(gaps, self.most_gap), rest.shut_gap).astype(np.float32)
        self.shares = self._measure_shares(take, speaks)

    def own(self, index: int) -> Landmarks:
        """(478, 3) px of the frame: as filmed."""
        return self._rest.pose(index).apply(self._rest.own(index))

    def target(self, index: int) -> Landmarks:
        """(478, 3) px of the frame."""
        return self._rest.pose(index).apply(self.shape(index))

    def shape(self, index: int) -> np.ndarray:
        """(478, 3) float64 cm wanted, in canonical space."""
        own, resting, mouth = self._rest.own(index), self._rest.resting(index), self._mouth
        shape = own + self._mask * (resting - own)
        if mouth.activity[index] > 0:
            shape += self._scale * np.tensordot(mouth.coefficients[index], self._model.basis, 1)
            part_lips(shape, self._rest.lips, float(self.gaps[index]))
        return shape

    def describe(self, index: int, as_filmed: bool) -> tuple[np.ndarray, Pose]:
        """Shape, (478, 3) cm, and pose of a picture: as filmed, or as it shall be."""
        return self._rest.own(index) if as_filmed else self.shape(index), self._rest.pose(index)

    def _measure_shares(self, take: Take, speaks: np.ndarray) -> np.ndarray:
        seconds, rest = take.seconds, self._rest
        way, facing = np.zeros(len(take)), np.zeros(len(take))
        for index in np.flatnonzero(rest.present).tolist():
            change = self.shape(index)[LIPS] - rest.own(index)[LIPS]
            way[index] = float(np.linalg.norm(change, axis=1).max())
            yaw = abs(float(rest.pose(index).angles[0]))
            facing[index] = np.clip((TURNED_DEG - yaw) / (TURNED_DEG - FACING_DEG), 0, 1)
        self.turned_count = int((rest.present & (facing == 0)).sum())
        demand = speaks * np.clip((way - SAME_CM) / (OTHER_CM - SAME_CM), 0, 1)
        demand[self._mouth.activity > 0] = 1
        shares = np.zeros(len(take), np.float32)
        for stretch in take.stretches():
            step = float(np.median(np.diff(seconds[stretch]))) if stretch.stop - stretch.start > 1 else 1.0
            wide = maximum_filter1d(demand[stretch], 2 * round(AROUND_S / step) + 1, mode="nearest")
            eased = gaussian_filter1d(wide, EASE_S / step, mode="nearest")
            shares[stretch] = eased * gaussian_filter1d(facing[stretch], EASE_S / step, mode="nearest")
        shares[shares < 0.02] = 0
        return shares


def _limit(values: np.ndarray, most: float) -> np.ndarray:
    """Values that approach ``most`` from two thirds of it on."""
    knee = 2 / 3 * most
    over = np.maximum(values - knee, 0)
    return np.minimum(values, knee) + (most - knee) * np.tanh(over / (most - knee))
