"""Finds where a period of the mark begins and how fast the sound was played, by the known symbols."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from effigie.provenance.sound_watermark.pattern import BANDS, SLOTS, Grid, layout
from effigie.provenance.sound_watermark.spectrum import (
    HOP,
    HOPS_A_SLOT,
    NEIGHBOR_SLOTS,
    RATE,
    Levels,
    accumulate,
    band_weights,
    compute_levels,
    deviations,
    estimate_floor,
    estimate_noise,
    power_spectrum,
    soften,
)

STEPS_A_SLOT = 4  # 20 ms
STEPS = SLOTS * STEPS_A_SLOT
MAX_SPEED_CHANGE = 0.10
SPEED_STEP = 0.004  # within a window this moves its ends by 9 ms at most
WINDOW_PERIODS = 4  # 9 s
MAX_WINDOWS = 3  # of a minute in which speeds are tried
FINE_SPEED_STEP = 0.001
FRAMES_A_SECOND = RATE / HOP


@dataclass(frozen=True)
class SoundPose:
    """How the mark lies in a piece of sound.

    Attributes:
        speed: times as fast as it was made.
        offset: frames of 10 ms, from the piece's beginning, at which a period begins.
        score: of the known symbols, in standard deviations of chance.
        start, stop: frames of the piece between which it was found.
    """

    speed: float
    offset: float
    score: float
    start: int
    stop: int

    @property
    def slot(self) -> float:
        """Frames of a cell."""
        return HOPS_A_SLOT / self.speed


class SoundSearch:
    """What is measured in a piece of sound.

    Args:
        samples: (n,) float32 at 16 kHz, a second at least.
    """

    def __init__(self, samples: NDArray[np.float32]) -> None:
        power = power_spectrum(samples)
        # With steady noise in it, what that covers must not speak.
        self._levels: Levels = compute_levels(power, estimate_floor(power) + estimate_noise(power))
        self._straight = self._accumulate(1.0, 0, self.frames)

    @property
    def frames(self) -> int:
        return len(self._levels)

    def find_straight(self, count: int) -> list[SoundPose]:
        """The likeliest beginnings if nobody changed the speed, over all of the sound, the best first."""
        poses = self._find(self._straight, 1.0, 0, self.frames, count)
        return _sort([self._shift(self._straight, pose) for pose in poses])

    def find_changed(self, count: int) -> list[SoundPose]:
        """The likeliest speeds and beginnings, each refined, the best first."""
        length = round(WINDOW_PERIODS * SLOTS * HOPS_A_SLOT)
        begins = list(range(0, max(1, self.frames - length // 2), length))
        begins = begins[:: -(-len(begins) // MAX_WINDOWS)]
        steps = round(MAX_SPEED_CHANGE / SPEED_STEP)
        poses: list[SoundPose] = []
        for begin in begins:
            stop = min(begin + length, self.frames)
            for step in range(-steps, steps + 1):
                speed = 1 + SPEED_STEP * step
                poses += self._find(self._accumulate(speed, begin, stop), speed, begin, stop, 2)
        return _sort([self._refine(pose) for pose in _sort(poses)[:count]])

    def extend(self, pose: SoundPose) -> SoundPose:
        """The pose over all of the sound: its speed as exactly as that takes, from the piece outwards."""
        best, span = pose, pose.stop - pose.start
        while best.start > 0 or best.stop < self.frames:
            wider = replace(
                best, start=max(0, best.start - span // 2), stop=min(self.frames, best.stop + span // 2), score=-np.inf
            )
            span = wider.stop - wider.start
            step = 2.0 / span  # frames at the ends, by which the sums would run apart
            best = self._tune(wider, [wider.speed * (1 + step * number) for number in range(-4, 5)])
        return best

    def measure(self, pose: SoundPose) -> Grid:
        """(BANDS, SLOTS) what speaks for each cell at a pose, all periods of its piece together."""
        return self._measure(self._accumulate(pose.speed, pose.start, pose.stop), pose)

    def _accumulate(self, speed: float, start: int, stop: int) -> NDArray[np.float32]:
        """Running sums of the bands at a speed, from ``start`` less the neighborhood of a cell on."""
        margin = _margin(speed)
        return accumulate(self._levels[max(0, start - margin) : stop + margin] @ band_weights(speed))

    def _measure(self, total: NDArray[np.float32], pose: SoundPose) -> Grid:
        origin = max(0, pose.start - _margin(pose.speed))
        period = SLOTS * pose.slot
        first = pose.offset + np.floor((pose.start - pose.offset) / period) * period
        periods = int(np.ceil((pose.stop - first) / period))
        cells = soften(deviations(total, first - origin, pose.slot, SLOTS * periods))
        places = first + pose.slot * np.arange(SLOTS * periods)
        # Half a cell at least must lie within.
        cells[(places < pose.start - pose.slot / 2) | (places > pose.stop - pose.slot / 2)] = 0
        return np.asarray(cells.reshape(periods, SLOTS, BANDS).sum(axis=0).T, np.float32)

    def _find(self, total: NDArray[np.float32], speed: float, start: int, stop: int, count: int) -> list[SoundPose]:
        """The best beginnings at a speed in a piece, to 20 ms."""
        slot, origin = HOPS_A_SLOT / speed, max(0, start - _margin(speed))
        cells = soften(deviations(total, start - origin, slot, int((stop - start) / slot * STEPS_A_SLOT), STEPS_A_SLOT))
        periods = -(-len(cells) // STEPS)
        padded = np.zeros((periods * STEPS, BANDS), np.float32)
        padded[: len(cells)] = cells
        period_sum = padded.reshape(periods, STEPS, BANDS).sum(axis=0)
        # By slots: a step's cells are STEPS_A_SLOT apart.
        spectrum = np.fft.rfft(period_sum.reshape(SLOTS, STEPS_A_SLOT, BANDS), axis=0)
        reference = np.conj(np.fft.rfft(layout().reference.T, axis=0))
        scores = np.fft.irfft(np.einsum("fsb,fb->fs", spectrum, reference), SLOTS, axis=0).ravel()
        share = np.count_nonzero(layout().reference) / layout().reference.size
        scores /= np.sqrt(max(share * float(np.square(period_sum).sum()) / STEPS_A_SLOT, 1e-9))
        best = np.argpartition(scores, -count)[-count:].tolist()
        return [SoundPose(speed, start + one * slot / STEPS_A_SLOT, float(scores[one]), start, stop) for one in best]

    def _refine(self, pose: SoundPose) -> SoundPose:
        """The best pose near by."""
        return self._tune(pose, [pose.speed + FINE_SPEED_STEP * number for number in range(-3, 4)])

    def _tune(self, pose: SoundPose, speeds: list[float]) -> SoundPose:
        """The best of some speeds, what lies in the middle of the piece staying there."""
        middle = (pose.start + pose.stop) / 2
        periods = round((middle - pose.offset) / (SLOTS * pose.slot))
        pivot = pose.offset + periods * SLOTS * pose.slot
        candidates = []
        for speed in speeds:
            total = self._accumulate(speed, pose.start, pose.stop)
            candidates.append(self._shift(total, replace(pose, speed=speed, offset=pivot, score=-np.inf)))
        return max([pose, *candidates], key=lambda one: one.score)

    def _shift(self, total: NDArray[np.float32], pose: SoundPose) -> SoundPose:
        """The best of some offsets."""
        candidates = [replace(pose, offset=pose.offset + shift) for shift in (-1.0, 0.0, 1.0)]
        return max(
            (replace(one, score=_score(self._measure(total, one))) for one in candidates), key=lambda one: one.score
        )


def _margin(speed: float) -> int:
    """Frames beside a piece that its first and last cells are compared with."""
    return int(np.ceil((NEIGHBOR_SLOTS // 2 + 1) * HOPS_A_SLOT / speed))


def _score(grid: Grid) -> float:
    """How far the known symbols agree with a measured grid, in standard deviations of chance."""
    reference = layout().reference
    return float((grid * reference).sum() / max(float(np.linalg.norm(grid * np.abs(reference))), 1e-9))


def _sort(poses: list[SoundPose]) -> list[SoundPose]:
    return sorted(poses, key=lambda pose: -pose.score)
