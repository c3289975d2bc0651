"""The mouth of a whole sound: coefficients and gaps at the times of pictures, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from effigie.heads.speech.features import stream_features
from effigie.heads.speech.loudness import LEVELS, Loudness
from effigie.heads.speech.network import MouthModel, middle_gap
from effigie.progress import CancelToken
from effigie.speech.encoder import analyze_stream

SMOOTHING_S = 0.035  # standard deviation over time


@dataclass(frozen=True)
class MouthTrack:
    """What the mouth does in N pictures.

    Attributes:
        coefficients: (N, C) float32 of the model's shapes; 0 at rest.
        gaps: (N,) float32 cm between the middles of the inner lips.
        activity: (N,) float32, 0 at rest and 1 in speech.
    """

    coefficients: np.ndarray
    gaps: np.ndarray
    activity: np.ndarray


def predict_mouth(
    pieces: Iterable[np.ndarray],
    loudness: Loudness,
    times: np.ndarray,
    model: MouthModel,
    report: Callable[[int], None] = lambda done: None,
    cancel: CancelToken | None = None,
) -> MouthTrack:
    """Predict from sound; where no speech is heard the mouth is at rest, exactly.

    Args:
        pieces: (n,) float32 at 16 kHz, of any lengths, as they were recorded.
        loudness: measured of the same.
        times: (N,) ascending seconds on the sound's clock.
        report: gets the number of pictures done.
    """
    rest_gap = max(middle_gap(model.rest), 0.0)
    coefficients = np.zeros((len(times), len(model.basis)), np.float32)
    gaps = np.full(len(times), rest_gap, np.float32)
    activity = np.interp(times, np.arange(len(loudness.activity)) / LEVELS, loudness.activity, right=0.0)
    activity = np.where(activity < 0.01, 0, activity).astype(np.float32)
    if loudness.is_silent or not len(times):
        return MouthTrack(coefficients, gaps, np.zeros(len(times), np.float32))
    shut = np.zeros(len(times), np.float32)
    for first, features in stream_features(_reduce(pieces, loudness.gain, model, cancel), times):
        prediction = model.predict(features)
        span = slice(first, first + len(features))
        coefficients[span], shut[span] = prediction[:, :-1], prediction[:, -1]
        report(first + len(features))
    # What trembles from one picture to the next is the regression's; closures, which are as short, are kept.
    step_s = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    coefficients = gaussian_filter1d(coefficients, SMOOTHING_S / step_s, axis=0, mode="nearest")
    gaps = activity * model.find_gaps(coefficients, shut) + (1 - activity) * rest_gap
    return MouthTrack(activity[:, None] * coefficients, gaps.astype(np.float32), activity)


def _reduce(
    pieces: Iterable[np.ndarray], gain: float, model: MouthModel, cancel: CancelToken | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    loud = (np.clip(gain * piece, -1, 1).astype(np.float32) for piece in pieces)
    for encoded, mel in analyze_stream(loud, cancel):
        yield model.encoder_reduction(encoded), model.mel_reduction(mel)
