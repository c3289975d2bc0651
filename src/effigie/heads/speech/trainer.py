"""Trains the model of speaking mouths: ridge regression, and the curve of gaps from people left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from effigie.heads.speech.dataset import (
    SHUT_CM,
    SpokenClip,
    encode_alone,
    encode_packed,
    find_rest,
    landmark_weights,
    measure_displacements,
)
from effigie.heads.speech.features import ENCODED_TAPS, MEL_TAPS, Reduction, gather_features
from effigie.heads.speech.network import COEFFICIENTS, MouthModel
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

ENCODER_COMPONENTS, MEL_COMPONENTS = 80, 16  # principal components of Whisper's features and of the spectrogram
ROUNDS = 3  # of clips put at random places of a window; 0 to 3 raised the correlation of lips there from 0.75 to 0.84
RIDGE = 0.2  # of the mean diagonal; 0.03 to 1 hardly differ
QUANTILES = np.linspace(0, 1, 41)


@dataclass(frozen=True)
class MouthTraining:
    """What training gives.

    Attributes:
        model: of all people.
        left_out: of each person, the model of all others, with the same shapes.
    """

    model: MouthModel
    left_out: dict[str, MouthModel]


def train_mouth(
    clips: Sequence[SpokenClip],
    seed: int = 0,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> MouthTraining:
    """Train on clips of several people; the features of 150 clips of 3 s take three minutes of one core.

    Every person counts by the square root of their clips. ``left_out`` costs nothing: moments are added up by person.
    The principal components and shapes are those of all.
    """
    cancel = cancel or CancelToken()
    people = sorted({clip.person for clip in clips})
    counts = {person: sum(clip.person == person for clip in clips) for person in people}
    encodings = _encode_all(clips, np.random.default_rng(seed), progress, cancel)
    encoder_reduction = Reduction.fit(
        np.concatenate([one[0][::5] for encoding in encodings for one in encoding.values()]), ENCODER_COMPONENTS
    )
    mel_reduction = Reduction.fit(
        np.concatenate([one[1][::5] for encoding in encodings for one in encoding.values()]), MEL_COMPONENTS
    )
    rests = {person: find_rest([clip for clip in clips if clip.person == person]) for person in people}
    rest = np.mean(list(rests.values()), axis=0)
    displacements = {clip.name: measure_displacements(clip, rests[clip.person], rest) for clip in clips}
    shares = {clip.name: 1 / np.sqrt(counts[clip.person]) for clip in clips}
    basis, coefficients = _find_shapes(displacements, shares)
    targets = {clip.name: _targets(clip, coefficients[clip.name]) for clip in clips}

    size = ENCODER_COMPONENTS * len(ENCODED_TAPS) + MEL_COMPONENTS * len(MEL_TAPS) + 1
    moments = {person: (np.zeros((size, size)), np.zeros((size, COEFFICIENTS + 1))) for person in people}
    inputs: dict[str, list[np.ndarray]] = {}
    for clip in clips:
        inputs[clip.name] = [
            gather_features(encoder_reduction(encoded), mel_reduction(mel), clip.times)
            for encoded, mel in (encoding[clip.name] for encoding in encodings)
        ]
        for features in inputs[clip.name]:
            wide = features.astype(np.float64)
            normal, moment = moments[clip.person]
            normal += shares[clip.name] * wide.T @ wide
            moment += shares[clip.name] * wide.T @ targets[clip.name]
    total, total_moment = (np.sum([pair[part] for pair in moments.values()], axis=0) for part in (0, 1))
    blendshapes = _fit_blendshapes(clips, coefficients, shares)
    line = np.tile(np.array([-5.0, 5.0]), (2, 1))
    draft = MouthModel(
        encoder_reduction, mel_reduction, _solve(total, total_moment), rest.astype(np.float32), basis, line, blendshapes
    )
    models = {
        person: replace(draft, weights=_solve(total - moments[person][0], total_moment - moments[person][1]))
        for person in people
    }
    curve = _fit_gap_curve(clips, inputs, models, shares)
    left_out = {person: replace(model, gap_curve=curve) for person, model in models.items()}
    return MouthTraining(replace(draft, gap_curve=curve), left_out)


def _encode_all(
    clips: Sequence[SpokenClip], random: np.random.Generator, progress: ProgressCallback, cancel: CancelToken
) -> list[dict[str, tuple[np.ndarray, np.ndarray]]]:
    features: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for number, clip in enumerate(clips):
        features[clip.name] = encode_alone(clip, cancel)
        progress(Progress("hear", number + 1, len(clips), "clips"))
    return [features, *(encode_packed(clips, random, cancel) for _ in range(ROUNDS))]


def _find_shapes(
    displacements: dict[str, np.ndarray], shares: dict[str, float]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(C, 478, 3) principal shapes, weighted by landmark, and every clip's (n, C) coefficients of them."""
    weights = np.repeat(landmark_weights(), 3)
    flat = {name: one.reshape(len(one), -1) for name, one in displacements.items()}
    stacked = np.concatenate([np.sqrt(shares[name]) * one for name, one in flat.items()]) * weights
    _, axes = np.linalg.eigh(stacked.T @ stacked)
    axes = axes[:, : -COEFFICIENTS - 1 : -1]
    coefficients = {name: (one * weights) @ axes for name, one in flat.items()}
    stacked, moved_cm = (np.concatenate(list(values.values())) for values in (coefficients, flat))
    basis = np.linalg.lstsq(stacked, moved_cm, rcond=None)[0]
    return basis.reshape(COEFFICIENTS, -1, 3).astype(np.float32), coefficients


def _targets(clip: SpokenClip, coefficients: np.ndarray) -> np.ndarray:
    """(n, C + 1): coefficients, and whether the lips are shut in speech."""
    shut = (clip.gaps < SHUT_CM) & clip.audible
    return np.concatenate([coefficients, shut[:, None]], axis=1)


def _solve(normal: np.ndarray, moment: np.ndarray) -> np.ndarray:
    ridge = RIDGE * np.trace(normal) / len(normal)
    return np.linalg.solve(normal + ridge * np.eye(len(normal)), moment).astype(np.float32)


def _fit_blendshapes(
    clips: Sequence[SpokenClip], coefficients: dict[str, np.ndarray], shares: dict[str, float]
) -> np.ndarray:
    """(C + 1, 52) from coefficients and a 1 to blendshapes."""
    rows = [
        np.sqrt(shares[clip.name]) * np.pad(coefficients[clip.name], ((0, 0), (0, 1)), constant_values=1)
        for clip in clips
    ]
    targets = [np.sqrt(shares[clip.name]) * clip.blendshapes for clip in clips]
    return np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)[0].astype(np.float32)


def _fit_gap_curve(
    clips: Sequence[SpokenClip],
    inputs: dict[str, list[np.ndarray]],
    models: dict[str, MouthModel],
    shares: dict[str, float],
) -> np.ndarray:
    """(2, Q) quantiles of gaps predicted for people left out, and of their own."""
    predicted, own, weights = [], [], []
    for clip in clips:
        model = models[clip.person]
        for features in inputs[clip.name]:
            predicted.append(model.measure_gap(features @ model.weights[:, :-1]))
            own.append(clip.gaps)
            weights.append(np.full(len(features), shares[clip.name]))
    mass = np.concatenate(weights)
    curve = np.stack([_weighted_quantiles(np.concatenate(values), mass) for values in (predicted, own)])
    curve[0] = np.maximum.accumulate(curve[0] + 1e-6 * np.arange(len(QUANTILES)))
    return curve.astype(np.float32)


def _weighted_quantiles(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return np.interp(QUANTILES, share, values[order])
