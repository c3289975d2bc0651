"""Where p, b and m are said in a sound: words, their phonemes, and the dip in the sound that shut lips make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.signal import butter, lfilter

from effigie.errors import UsageError
from effigie.heads.speech.coarticulation import BILABIALS, Span
from effigie.progress import CancelToken
from effigie.speech.phonemizer import phonemize
from effigie.speech.recognizer import Word, recognize_stream
from effigie.speech.spectrogram import RATE

VOWELS = frozenset("AIOWYaɑæɛɪiuʌəɔɜʊᵻɒ")
VOWEL_LENGTH = 1.7  # of a consonant's, when a word's time is shared out
BAND_HZ = (1000, 4000)  # in which a sound is weak while lips are shut, an m's too
LEVELS = 200  # a second
REACH_S = 0.1  # from where a phoneme is expected, within which the dip is looked for: words' times err by as much
FAR_DB = 4.0  # by which the dip must be deeper at the ends of the reach
HALF_S = 0.02
LEAST_PROBABILITY = 0.4  # of a word that is believed


def find_bilabials(pieces: Iterable[np.ndarray], cancel: CancelToken | None = None) -> list[Span]:
    """Begin and end, in seconds, of every p, b and m in English speech; few or none in what is no English.

    Args:
        pieces: (n,) float32 at 16 kHz, of any lengths.

    Raises:
        AssetError: the recognizer's network or the lexicon cannot be fetched.
        CancelledError: asked to stop.
    """
    levels: list[np.ndarray] = []
    words = list(recognize_stream(_measure_band(pieces, levels), "en", cancel))
    if not words:
        return []
    level = 10 * np.log10(np.concatenate(levels) + 1e-9)
    return [_find_dip(level, time) for word in words for time in _expect(word)]


def _measure_band(pieces: Iterable[np.ndarray], levels: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The pieces as they are; their power in the band goes to ``levels``, 200 values a second."""
    step = RATE // LEVELS
    numerator, denominator = butter(3, [hertz / (RATE / 2) for hertz in BAND_HZ], "band")
    state, buffer = np.zeros(len(numerator) - 1), np.zeros(0)
    for piece in pieces:
        band, state = lfilter(numerator, denominator, piece.astype(np.float64), zi=state)
        buffer = np.concatenate([buffer, band])
        whole = len(buffer) // step * step
        levels.append((buffer[:whole].reshape(-1, step) ** 2).mean(1))
        buffer = buffer[whole:]
        yield piece


def _expect(word: Word) -> Iterator[float]:
    """The middle of every bilabial of a word, in seconds, its time shared out among its phonemes."""
    letters = "".join(letter for letter in word.text if letter.isalpha() or letter == "'")
    if word.probability < LEAST_PROBABILITY or not letters:
        return
    try:
        sounds = [symbol for symbol in next(phonemize(letters)).phonemes if symbol.isalpha()]
    except (UsageError, StopIteration):
        return  # not in Latin letters
    lengths = np.array([VOWEL_LENGTH if symbol in VOWELS else 1.0 for symbol in sounds])
    middles = (np.cumsum(lengths) - lengths / 2) / max(lengths.sum(), 1.0)
    for symbol, middle in zip(sounds, middles.tolist(), strict=True):
        if symbol in BILABIALS:
            yield word.start_s + middle * (word.end_s - word.start_s)


def _find_dip(level: np.ndarray, expected_s: float) -> Span:
    """About the weakest moment near an expected time."""
    first = max(0, round((expected_s - REACH_S) * LEVELS))
    window = level[first : max(round((expected_s + REACH_S) * LEVELS), 0)]
    if not len(window):
        return expected_s - HALF_S, expected_s + HALF_S
    # Five values, 25 ms, are averaged: a stop's silence, not a gap between two pulses of the voice.
    smooth = np.convolve(np.pad(window, 2, "edge"), np.ones(5) / 5, "valid")
    away = np.arange(first, first + len(smooth)) / LEVELS - expected_s
    time = (first + int(np.argmin(smooth + FAR_DB * (away / REACH_S) ** 2))) / LEVELS
    return time - HALF_S, time + HALF_S
