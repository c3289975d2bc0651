"""The mouth of a whole sound: coefficients and gaps at the times of pictures, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from effigie.heads.speech.features import stream_features
from effigie.heads.speech.loudness import LEVELS, Loudness
from effigie.heads.speech.network import MouthModel, middle_gap
from effigie.progress import CancelToken
from effigie.speech.encoder import analyze_stream


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
    for first, features in stream_features(_reduce(pieces, loudness.gain, model, cancel), times):
        found, gap = model.predict(features)
        chosen = slice(first, first + len(features))
        share = activity[chosen]
        coefficients[chosen] = share[:, None] * found
        gaps[chosen] = share * gap + (1 - share) * rest_gap
        report(first + len(features))
    return MouthTrack(coefficients, gaps, activity)


def _reduce(
    pieces: Iterable[np.ndarray], gain: float, model: MouthModel, cancel: CancelToken | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    loud = (np.clip(gain * piece, -1, 1).astype(np.float32) for piece in pieces)
    for encoded, mel in analyze_stream(loud, cancel):
        yield model.encoder_reduction(encoded), model.mel_reduction(mel)
