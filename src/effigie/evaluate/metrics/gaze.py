"""Gaze and blink agreement of generated with real eyes.

Units: an eye's opening is its lid gap over its width (closed below 0.05, at rest about 0.3); gaze is where the iris
lies between the corners, in eye widths, unposed, so that a turned head does not count (the whole range is about
0.25 to either side). Errors are mean absolute differences of these; correlations are -1..1, over all moments, each
person's own mean taken out first: they ask whether the eyes move when they should, not whether they are alike.

What fools them: landmarks are measured in the made picture, and the network that finds them puts irises into the
middle of eyes that show none. A gaze that never moves has a small error: the correlation finds it out. Nothing is
said about moments in which the true eyes are closed, for gaze, or about people who neither blink nor look aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.mesh import eye_opening, fit_pose
from effigie.heads.motion.features import EYE_LANDMARKS

OPEN = 0.12  # a narrower eye shows too little of its iris to tell where it looks
STILL = 1e-6


@dataclass(frozen=True)
class EyeState:
    """The eyes of one face, means of both."""

    opening: float  # lid gap over width
    gaze: np.ndarray  # (2,) along and across, in eye widths


@dataclass(frozen=True)
class EyeScores:
    """Agreement of generated with real eyes; NaN where there was nothing to measure."""

    opening_error: float  # mean absolute difference of the openings
    blink: float  # correlation of the openings
    gaze_error: float  # mean distance of the gazes, eye widths
    gaze: float  # correlation of the gazes, mean of both directions, by how much the true ones vary


def eye_state(landmarks: Landmarks) -> EyeState:
    """Opening and gaze of the eyes, from (478, 3) landmarks in pixels."""
    shape = fit_pose(landmarks).to_canonical(landmarks)
    # Eyes mirror each other: outward of one is inward of the other, so the sum along would cancel.
    left, right = (eye.gaze(shape) for eye in EYE_LANDMARKS)
    return EyeState(eye_opening(landmarks), np.array([(left[0] - right[0]) / 2, (left[1] + right[1]) / 2]))


def compare_eyes(output: list[EyeState], truth: list[EyeState], people: list[int]) -> EyeScores:
    """Scores over N moments; ``people``: who is seen in each, by number."""
    nan = float("nan")
    if not truth:
        return EyeScores(nan, nan, nan, nan)
    person_ids = np.asarray(people)
    openings = np.array([[m.opening, t.opening] for m, t in zip(output, truth, strict=True)])
    gazes = np.array([[m.gaze, t.gaze] for m, t in zip(output, truth, strict=True)])
    open_ = openings[:, 1] >= OPEN
    open_gazes = gazes[open_]
    correlations = [
        centered_correlation(open_gazes[:, 0, axis], open_gazes[:, 1, axis], person_ids[open_]) for axis in (0, 1)
    ]
    weights = [_center(open_gazes[:, 1, axis], person_ids[open_]).std() if len(open_gazes) else 0.0 for axis in (0, 1)]
    axes = [(value, weight) for value, weight in zip(correlations, weights, strict=True) if not np.isnan(value)]
    return EyeScores(
        opening_error=float(np.abs(openings[:, 0] - openings[:, 1]).mean()),
        blink=centered_correlation(openings[:, 0], openings[:, 1], person_ids),
        gaze_error=float(np.linalg.norm(open_gazes[:, 0] - open_gazes[:, 1], axis=1).mean())
        if len(open_gazes)
        else nan,
        gaze=float(np.average([v for v, _ in axes], weights=[w for _, w in axes])) if axes else nan,
    )


def centered_correlation(output: np.ndarray, truth: np.ndarray, people: np.ndarray) -> float:
    """Pearson's correlation of (N,) values once each person's mean is taken out; NaN where the truth is still."""
    if len(truth) < 2:
        return float("nan")
    mine, real = _center(output, people), _center(truth, people)
    if real.std() < STILL:
        return float("nan")
    return 0.0 if mine.std() < STILL else float((mine @ real) / np.sqrt((mine @ mine) * (real @ real)))


def _center(values: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Values less the mean of whom they belong to."""
    centered = np.asarray(values, np.float64).copy()
    for person in np.unique(people):
        centered[people == person] -= centered[people == person].mean()
    return centered
