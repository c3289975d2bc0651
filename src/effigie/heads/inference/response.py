"""Measures how strongly a portrait answers its driver, and asks for more where too little arrives.

A warped picture is read as less than it was asked to be, a smile without its creases; or as more, lips that part over
a dark inside. How much differs from portrait to portrait. So some of the driver's moments are made and read by the
landmark network before the first frame, and the driver's movements are then asked for by as much more or less.

Turns are not: a face that is turned less to the network than it was asked to be is in the right place nevertheless, and
turning it further takes it out of there (2.5 % of the eye distance became 4.5).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.landmarker import LandmarkModel, landmarks_to_roi
from effigie.faces.mesh import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE, fit_pose, middle_lip_gaps
from effigie.heads.motion.controls import Controls
from effigie.heads.motion.gains import CORNERS, Gains
from effigie.heads.motion.motion import Motion
from effigie.heads.motion.retarget import Retargeter

ROUNDS, THREADS = 2, 2
MAX_FRAMES = 6000  # frames among which moments are chosen, evenly
SAMPLES = (0.03, 0.15, 0.3, 0.5, 0.7, 0.85, 0.97)  # quantiles of every movement, whose moments are made
LEAST, MOST = Gains(smile=0.8, mouth=0.7, brows=0.8), Gains(smile=1.6, mouth=1.5, brows=1.25)
STILL = Gains(smile=0.012, mouth=0.012, brows=0.01)  # standard deviation: less tells nothing
MIN_CORRELATION = 0.6  # of what is read with what was asked for
NAMES = tuple(field.name for field in fields(Gains))


def measure_movements(landmarks: Landmarks) -> np.ndarray:
    """(3,) of (478, 3) px: mouth's width, lips' gap, brows' height over the eyes, in eye distances."""
    shape = fit_pose(landmarks).to_canonical(landmarks)
    eyes = shape[LEFT_EYE].mean(0), shape[RIGHT_EYE].mean(0)
    unit = float(np.linalg.norm(eyes[0] - eyes[1]))
    smile = float(np.linalg.norm(np.subtract(*shape[[*CORNERS], :2])))
    gap = float(middle_lip_gaps(shape)[:, 1].mean())
    brows = float(shape[[*LEFT_BROW[:5], *RIGHT_BROW[:5]], 1].mean() - (eyes[0][1] + eyes[1][1]) / 2)
    return np.array([smile / unit, gap / unit, brows / unit])


def fit_gains(
    landmarks: Landmarks,
    motion: Motion,
    size: tuple[int, int],
    build_show: Callable[[], Callable[[np.ndarray, int], Image]],
) -> Gains:
    """The gains with which a portrait's movements are read as strong as the driver's.

    Args:
        landmarks: (478, 3) of the portrait, px.
        motion: the driver's.
        size: width and height of the portrait, px.
        build_show: makes a function for one thread, which makes the (H, W, 3) uint8 picture of (478, 3) landmarks that
            are wanted in frame n of the motion.
    """
    visible = np.flatnonzero(motion.present)
    visible = visible[:: -(-len(visible) // MAX_FRAMES)]
    driver = np.array([measure_movements(motion.landmarks(int(index))) for index in visible])
    selection = _choose_moments(driver)
    driver, frames = driver[selection], visible[selection]
    if len(frames) < 4:
        return Gains()
    gains = np.ones(len(NAMES))
    # Always the same frames in the same thread: what is measured must not depend on which of them is quicker.
    readers = [_build_reader(build_show()) for _ in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(ROUNDS):
            retarget = Retargeter(landmarks, motion, Controls(ease=0), size, Gains(*gains.tolist()))
            moments = [(retarget(index), index) for index in frames.tolist()]
            shares = [moments[number::THREADS] for number in range(THREADS)]
            movements = np.zeros((len(frames), len(NAMES)))
            for number, part in enumerate(pool.map(_read_all, readers, shares)):
                movements[number::THREADS] = part
            gains = _correct_gains(gains, driver, movements)
    return Gains(*gains.tolist())


Reader = Callable[[np.ndarray, int], np.ndarray]


def _build_reader(show: Callable[[np.ndarray, int], Image]) -> Reader:
    """A function that makes a moment and reads it: (3,) movements."""
    model = LandmarkModel()

    def read(landmarks: np.ndarray, index: int) -> np.ndarray:
        picture = show(landmarks, index)
        rough = model(picture, landmarks_to_roi(landmarks))
        return measure_movements(model(picture, rough.roi()).landmarks.astype(np.float64))

    return read


def _read_all(reader: Reader, moments: list[tuple[np.ndarray, int]]) -> np.ndarray:
    """(N, 3) movements of N moments."""
    return np.array([reader(*moment) for moment in moments])


def _choose_moments(driver: np.ndarray) -> np.ndarray:
    """Indices of the frames in which every movement is least, most, and between."""
    levels = np.quantile(driver, SAMPLES, axis=0)
    spread = np.maximum(driver.std(0), 1e-6)
    nearest = np.abs((driver[None] - levels[:, None]) / spread).argmin(1)
    return np.unique(nearest)


def _correct_gains(gains: np.ndarray, driver: np.ndarray, response: np.ndarray) -> np.ndarray:
    """(3,) gains by which (N, 3) movements would have been read as strong as the driver's (N, 3)."""
    result = gains.copy()
    for place, name in enumerate(NAMES):
        target, measurement = driver[:, place], response[:, place]
        if target.std() < getattr(STILL, name) or measurement.std() < 1e-9:
            continue
        correlation = float(np.corrcoef(target, measurement)[0, 1])
        if correlation < MIN_CORRELATION:
            continue
        # Moments were chosen for being extreme, which some are by chance alone: the less they agree, the less is said.
        change = gains[place] / float(np.polyfit(target, measurement, 1)[0]) - gains[place]
        result[place] = np.clip(gains[place] + correlation**2 * change, getattr(LEAST, name), getattr(MOST, name))
    return result
