"""Selection of source frames: one for the whole face and its pose, one for the mouth, one for the eyes.

A single nearest frame would have to suit all three at once.
"""

from __future__ import annotations

import numpy as np

from effigie.prior.frame_bank import FrameBank, FrameFeatures

REGIONS = ("face", "mouth", "eyes")
FADE_S = {"face": 0.3, "mouth": 0.08, "eyes": 0.12}  # seconds in which one source frame gives way to another
SWITCH_MARGIN_CM = {"face": 0.15, "mouth": 0.12, "eyes": 0.25}  # how much nearer another frame must be
MIN_WEIGHT = 0.08  # a frame that counts less than this is not worth its warp

FrameWeights = dict[str, dict[int, float]]
"""For each region: bank index -> weight, the weights of a region sum to one."""


def select_nearest(bank: FrameBank, target: FrameFeatures, candidates: np.ndarray | None = None) -> FrameWeights:
    """The nearest frame of each region for one moment by itself.

    Args:
        target: features of a single frame, (1, D) each.
        candidates: (N,) bool; others are not considered.
    """
    weights: FrameWeights = {}
    for region in REGIONS:
        distance = bank.distances(region, getattr(target, region)[0])
        if candidates is not None:
            distance = np.where(candidates, distance, np.inf)
        weights[region] = {int(np.argmin(distance)): 1.0}
    return weights


class FrameSelector:
    """Selects frames over time: stays with one while it is nearly the nearest, and cross-fades when it changes.

    Attributes:
        distance: for each region, from the selected frames to the target (cm), at the latest call.
    """

    def __init__(self, bank: FrameBank, rate: float) -> None:
        self._bank = bank
        self._step = {region: 1 / max(seconds * rate, 1.0) for region, seconds in FADE_S.items()}
        self._current: dict[str, int] = {}
        self._weights: FrameWeights = {region: {} for region in REGIONS}
        self.distance = dict.fromkeys(REGIONS, 0.0)

    def __call__(self, target: FrameFeatures) -> FrameWeights:
        """Weights for the next moment, whose features are (1, D) each."""
        for region in REGIONS:
            distance = self._bank.distances(region, getattr(target, region)[0])
            best = int(np.argmin(distance))
            current = self._current.get(region)
            if current is None or distance[current] - distance[best] > SWITCH_MARGIN_CM[region]:
                self._current[region] = best
            weights = _fade(self._weights[region], self._current[region], self._step[region])
            self._weights[region] = weights
            self.distance[region] = float(sum(weight * distance[index] for index, weight in weights.items()))
        return self._weights

    def reset(self) -> None:
        """Forget the selection: at a shot boundary there is nothing to fade from."""
        self._current = {}
        self._weights = {region: {} for region in REGIONS}


def _fade(weights: dict[int, float], current: int, step: float) -> dict[int, float]:
    if not weights:
        return {current: 1.0}
    faded = {index: weight for index, weight in weights.items() if index != current}
    total = sum(faded.values())
    rest = max(total - step, 0.0)
    result = {index: weight * rest / total for index, weight in faded.items()} if total else {}
    result = {index: weight for index, weight in result.items() if weight > MIN_WEIGHT}
    return {**result, current: 1.0 - sum(result.values())}
