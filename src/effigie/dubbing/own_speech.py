"""Where the take's own mouth speaks: there it must rest when nobody is heard; elsewhere it laughs, smiles, breathes.

Seen: lips that open again and again, as nothing but speech (and chewing) makes them. Heard, where the clip has sound:
speech at that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_opening
from scipy.signal import find_peaks

from effigie.media.sound.reader import stream_sound
from effigie.progress import CancelToken
from effigie.speech.activity import find_speech
from effigie.speech.spectrogram import RATE

OPENING_CM = 0.08  # by which lips part and meet again
AROUND_S, OPENINGS = 0.7, 2  # so many openings on both sides together
SHORTEST_S = 0.4  # of speech
SPEECH_MARGIN_S = 0.5  # of speech that is heard
BLOCK_S = 60.0


def find_own_speech(
    seconds: np.ndarray,
    gaps: np.ndarray,
    stretches: Iterable[slice],
    speech_spans: Sequence[tuple[float, float]] | None,
) -> np.ndarray:
    """(N,) bool: whether the person speaks in a picture, whatever is heard in the output.

    Args:
        seconds: (N,) when the pictures are shown.
        gaps: (N,) cm between the inner lips.
        stretches: pictures in a row in which the face is seen.
        speech_spans: speech in the clip's own sound, from :func:`hear_clip`; None where it has none.
    """
    speaks = np.zeros(len(seconds), bool)
    for stretch in stretches:
        times = seconds[stretch]
        openings = times[find_peaks(np.pad(gaps[stretch], 1), prominence=OPENING_CM)[0] - 1]
        first, last = np.searchsorted(openings, times - AROUND_S), np.searchsorted(openings, times + AROUND_S)
        step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
        size = max(1, round(SHORTEST_S / step))
        speaks[stretch] = binary_opening(np.pad(last - first >= OPENINGS, size, "edge"), np.ones(size, bool))[
            size:-size
        ]
    if speech_spans is not None:
        mask = np.zeros(len(seconds), bool)
        for begin, end in speech_spans:
            mask |= (seconds >= begin - SPEECH_MARGIN_S) & (seconds <= end + SPEECH_MARGIN_S)
        speaks &= mask
    return speaks


def hear_clip(clip: Path, end_s: float, cancel: CancelToken) -> list[tuple[float, float]]:
    """Begin and end, in seconds, of speech in a clip's own sound, up to ``end_s``.

    Raises:
        MediaError: it has none that can be read.
        CancelledError: asked to stop.
    """
    spans: list[tuple[float, float]] = []
    for number, block in enumerate(stream_sound(clip, RATE, BLOCK_S, duration=end_s)):
        cancel.check()
        spans += [(number * BLOCK_S + begin, number * BLOCK_S + end) for begin, end in find_speech(block.mono(), RATE)]
    return spans
