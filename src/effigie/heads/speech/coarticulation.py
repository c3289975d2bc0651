"""Lips that shut on p, b and m where it is known when these are said, and lead there and away by dominance.

Dominance functions as of Cohen and Massaro (1993, "Modeling coarticulation in synthetic visual speech"): a sound's hold
over the lips decays exponentially before it begins and after it ends. Only closures are made so: what the mouth does
between them is the regression's, which hears its neighbors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from effigie.errors import MediaError
from effigie.heads.speech.inference.mouth import MouthTrack

BILABIALS = frozenset("pbm")
LEAD_S, TRAIL_S = 0.045, 0.035  # in which dominance falls to 37 %: lips shut before a stop sounds, and burst open
JAW_SHARE = 0.5  # of the jaw's way to rest that goes with shut lips
MAX_BYTES = 200 << 20
Span = tuple[float, float]


def read_bilabials(path: Path) -> list[Span]:
    """Begin and end, in seconds, of every p, b and m in a file of ``effigie voice speak --times``.

    Raises:
        MediaError: missing, damaged or no such file.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("it is too large")
        spans = [
            (float(one["start_s"]), float(one["end_s"]))
            for one in json.loads(path.read_text("utf-8"))["phonemes"]
            if one["symbol"] in BILABIALS
        ]
        if not all(np.isfinite(span).all() and span[0] <= span[1] for span in spans):
            raise ValueError("a time is none")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise MediaError(
            f"{path} holds no times of phonemes ({error}): name what `effigie voice speak --times` wrote"
        ) from error
    return spans


def shut_lips(mouth: MouthTrack, times: np.ndarray, spans: Sequence[Span]) -> MouthTrack:
    """The mouth with shut lips in every span, in one picture at least.

    Args:
        times: (N,) ascending seconds of the pictures.
        spans: begin and end of bilabials, on the same clock.
    """
    hold = np.zeros(len(times))
    for begin, end in spans:
        first, last = np.searchsorted(times, (begin - 6 * LEAD_S, end + 6 * TRAIL_S))
        window = times[first:last]
        if not len(window):
            continue
        away = np.maximum((begin - window) / LEAD_S, (window - end) / TRAIL_S)
        dominance = np.exp(-np.maximum(away, 0))
        dominance[np.abs(window - (begin + end) / 2).argmin()] = 1.0
        hold[first:last] = np.maximum(hold[first:last], dominance)
    return replace(
        mouth,
        gaps=((1 - hold) * mouth.gaps).astype(np.float32),
        coefficients=((1 - JAW_SHARE * hold)[:, None] * mouth.coefficients).astype(np.float32),
    )
