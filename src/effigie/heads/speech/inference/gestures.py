"""Head, lids, brows and gaze of somebody who speaks, from the rhythm of the sound: generated, seeded, never predicted.

Blinks and glances cannot be heard. They are drawn at the rate and in the places that people have: at the ends of
phrases and otherwise at random. Nods and brows go with the loudest syllables (Graf et al. 2002, "Visual prosody").
Sizes: heads of 23 people in 150 clips turned by 0.3 (roll), 0.4 (yaw) and 1.0 degrees (pitch) about their mean while
they said one sentence, at 5 degrees a second; a free speaker's by 0.5, 2.6 and 1.4. They blinked 0.4 times a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from scipy.spatial.transform import Rotation

from effigie.heads.speech.loudness import LEVELS, Loudness

STILL_S = 0.35  # at the beginning nothing moves: the portrait takes up the motion there
# Standard deviations in degrees, and seconds of the noise that they follow.
DRIFTS = {"roll": (0.45, 0.9), "yaw": (1.2, 1.0), "pitch": (0.7, 0.8)}
IDLE = 0.3  # of the drift, where nobody speaks
NOD_DEG, NOD_S, NOD_SHARE = 1.3, 0.13, 0.3  # size, standard deviation in time, share of syllables that have one
BROW_CM, BROW_S, BROW_SHARE = 0.16, 0.16, 0.45  # the same of brows, share of phrases
BLINK_MEAN_S, BLINK_LEAST_S, BLINK_AT_END = 3.4, 0.9, 0.55
BLINK_S = (0.08, 0.04, 0.16)  # closing, shut, opening
GLANCE_MEAN_S, GLANCE = 4.5, (0.05, 0.02)  # eye widths along and across
SACCADE_S = 0.03
BREATH_HZ, BREATH_CM, BREATH_SCALE = 0.26, 0.05, 0.0012
NECK_CM = np.array([0.0, -9.0, -6.0])  # about which a head turns, canonical space
FLIPS = np.array([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class Gestures:
    """Of N pictures.

    Attributes:
        rotation: (N, 3, 3), as of a motion; the first picture faces the camera.
        shift: (N, 3) cm that the head has moved, in the picture's axes.
        growth: (N,) factor of its size.
        lids: (N,) 0 shut, 1 as at rest.
        brows: (N,) cm above rest.
        gaze: (N, 2) eye widths along and across.
        blinks: begin of every blink, seconds.
    """

    rotation: np.ndarray
    shift: np.ndarray
    growth: np.ndarray
    lids: np.ndarray
    brows: np.ndarray
    gaze: np.ndarray
    blinks: tuple[float, ...]


def make_gestures(loudness: Loudness, times: np.ndarray, seed: int, strength: float = 1.0) -> Gestures:
    """Gestures that go with a sound.

    Args:
        times: (N,) ascending seconds on the sound's clock, the first about 0.
        strength: of head, brows and gaze; lids and breath stay.
    """
    count = max(len(loudness.level), round(float(times[-1]) * LEVELS) + 1) if len(times) else 1
    clock = np.arange(count) / LEVELS
    begin = np.clip((clock - STILL_S) / 0.4, 0, 1)
    speaking = np.interp(clock, np.arange(len(loudness.activity)) / LEVELS, loudness.activity, right=0.0)
    speaking = gaussian_filter1d(speaking, 0.25 * LEVELS)
    syllables = find_syllables(loudness)
    tell = strength * begin
    angles = np.stack([_drift(clock, name, seed, speaking) for name in DRIFTS], axis=1)
    angles[:, 2] += _nod(clock, syllables, _random(seed, "nod"))
    angles *= tell[:, None]
    brows = tell * _raise_brows(clock, loudness, syllables, _random(seed, "brows"))
    blinks = draw_blinks(loudness, clock[-1], _random(seed, "blinks"))
    gaze = tell[:, None] * _glance(clock, _random(seed, "gaze"))
    breath = begin * np.sin(2 * np.pi * BREATH_HZ * clock)

    def at_times(values: np.ndarray) -> np.ndarray:
        return np.interp(times, clock, values)

    turned = np.stack([at_times(angles[:, axis]) for axis in range(3)], axis=1)
    rotation = Rotation.from_euler("ZYX", turned, degrees=True).as_matrix() * FLIPS
    shift = np.diag(FLIPS) @ NECK_CM - rotation @ NECK_CM
    shift[:, 1] += BREATH_CM * at_times(breath)
    return Gestures(
        rotation,
        shift,
        1 + BREATH_SCALE * at_times(breath),
        _shut_lids(times, blinks),
        at_times(brows),
        np.stack([at_times(gaze[:, axis]) for axis in range(2)], axis=1),
        tuple(blinks),
    )


def find_syllables(loudness: Loudness) -> np.ndarray:
    """(n, 2) time in seconds and prominence in dB of the loudest places of syllables."""
    if loudness.is_silent:
        return np.zeros((0, 2))
    level = gaussian_filter1d(np.maximum(loudness.level, -70), 0.04 * LEVELS)
    places, properties = find_peaks(level, prominence=3.0, distance=round(0.11 * LEVELS))
    audible = loudness.audible[places]
    return np.stack([places[audible] / LEVELS, properties["prominences"][audible]], axis=1)


def draw_blinks(loudness: Loudness, end_s: float, random: np.random.Generator) -> list[float]:
    """When blinks begin: often where a phrase ends, otherwise at random, never soon after another."""
    times = [end + random.uniform(-0.05, 0.3) for _, end in loudness.phrases() if random.random() < BLINK_AT_END]
    time = 0.0
    while time < end_s:
        time += BLINK_LEAST_S + random.exponential(BLINK_MEAN_S - BLINK_LEAST_S)
        times.append(time)
    blinks: list[float] = []
    for time in sorted(times):
        if time > STILL_S and time < end_s and (not blinks or time - blinks[-1] >= BLINK_LEAST_S):
            blinks.append(time)
    return blinks


def _random(seed: int, name: str) -> np.random.Generator:
    """One stream of numbers for each kind of gesture: more of one changes no other."""
    return np.random.default_rng([seed, *name.encode()])


def _drift(clock: np.ndarray, name: str, seed: int, speaking: np.ndarray) -> np.ndarray:
    size, sigma_s = DRIFTS[name]
    noise = _random(seed, name).normal(size=len(clock) + 600)
    smooth = gaussian_filter1d(noise, sigma_s * LEVELS)[300 : 300 + len(clock)]
    smooth *= np.sqrt(2 * np.sqrt(np.pi) * sigma_s * LEVELS)  # of variance 1 again
    return np.asarray(size * smooth * (IDLE + (1 - IDLE) * speaking))


def _nod(clock: np.ndarray, syllables: np.ndarray, random: np.random.Generator) -> np.ndarray:
    angle = np.zeros(len(clock))
    if len(syllables):
        stressed = syllables[syllables[:, 1] >= np.quantile(syllables[:, 1], 1 - NOD_SHARE), 0]
        for time in stressed:
            _add_bump(angle, time, NOD_S, NOD_DEG * random.uniform(0.5, 1.4))
    return angle


def _raise_brows(
    clock: np.ndarray, loudness: Loudness, syllables: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    height = np.zeros(len(clock))
    for begin, end in loudness.phrases():
        inside = syllables[(syllables[:, 0] >= begin) & (syllables[:, 0] <= end)]
        share, size = random.random(), random.uniform(0.6, 1.3)
        if len(inside) and share < BROW_SHARE:
            _add_bump(height, inside[inside[:, 1].argmax(), 0] - 0.05, BROW_S, BROW_CM * size)
    return height


def _add_bump(values: np.ndarray, time: float, sigma_s: float, size: float) -> None:
    """Add a rise and fall about a time, in place."""
    first, last = (int(np.clip((time + side * 4 * sigma_s) * LEVELS, 0, len(values))) for side in (-1, 1))
    values[first:last] += size * np.exp(-0.5 * ((np.arange(first, last) / LEVELS - time) / sigma_s) ** 2)


def _glance(clock: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(n, 2) where the eyes look: ahead, now and then a little aside for a moment."""
    gaze, time = np.zeros((len(clock), 2)), 0.0
    while time < clock[-1]:
        time += random.exponential(GLANCE_MEAN_S)
        stop = time + random.uniform(0.4, 1.1)
        first, last = round(time * LEVELS), round(stop * LEVELS)
        gaze[first:last] = random.normal(size=2) * GLANCE
        time = stop
    limit = 2 * np.array(GLANCE)
    return np.asarray(gaussian_filter1d(np.clip(gaze, -limit, limit), SACCADE_S * LEVELS, axis=0))


def _shut_lids(times: np.ndarray, blinks: list[float]) -> np.ndarray:
    closing, shut, opening = BLINK_S
    lids = np.ones(len(times))
    for begin in blinks:
        first, last = np.searchsorted(times, (begin, begin + sum(BLINK_S)))
        since = times[first:last] - begin
        down = np.clip(since / closing, 0, 1)
        up = np.clip((since - closing - shut) / opening, 0, 1)
        lids[first:last] = np.minimum(lids[first:last], 1 - down * down * (3 - 2 * down) + up * up * (3 - 2 * up))
    return lids
