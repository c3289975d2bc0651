"""Words in sound, with their times."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from effigie.media.sound.reader import Sound
from effigie.progress import CancelToken
from effigie.speech.spectrogram import RATE, compute_spectrogram, to_mono
from effigie.speech.whisper import FEATURE_RATE, SPECTROGRAM_FRAMES, WINDOW_S, Whisper, load_whisper

SHORTEST_WINDOW_S = 20
"""A window ends in the quietest place between this and 29.5 s."""

QUIET = 0.001
"""Full scale is 1: what never rises above this (-60 dB) holds no speech."""

NO_SPEECH, UNSURE = 0.6, -1.0  # Whisper's own bounds (section 4.5): probability of no speech, mean log probability
LOUD_DB = 35.0  # below the window's loud parts (its 98th percentile), from which on a voice is taken to be heard

MAX_COMPRESSION = 2.4  # text that deflates by more repeats itself: the network's loop, not the speaker's


@dataclass(frozen=True)
class Word:
    """A word with its punctuation, when it begins and ends in seconds, and how sure the recognizer is, 0 to 1."""

    text: str
    start_s: float
    end_s: float
    probability: float


def recognize(sound: Sound, language: str | None = "en", cancel: CancelToken | None = None) -> list[Word]:
    """Words of the sound in order; none where nothing is said. No prompt hints at what they might be.

    Args:
        language: two letters, such as ``en``; None lets the network say which of its 99 it is, window by window.

    Raises:
        UsageError: no such language.
        AssetError: the network cannot be fetched.
        CancelledError: asked to stop.
    """
    mono = to_mono(sound.samples, sound.rate)
    return list(recognize_stream((mono[start : start + RATE] for start in range(0, len(mono), RATE)), language, cancel))


def recognize_stream(
    pieces: Iterable[np.ndarray], language: str | None = "en", cancel: CancelToken | None = None
) -> Iterator[Word]:
    """Words as :func:`recognize`, as they are found; memory does not grow with the sound.

    Args:
        pieces: (n,) float32 at 16 kHz, of any lengths.
    """
    whisper = None
    for start, window in split_windows(pieces):
        if cancel is not None:
            cancel.check()
        if np.abs(window).max() < QUIET:
            continue
        whisper = whisper or load_whisper()
        yield from _recognize_window(whisper, window, start / RATE, language)


def measure_speech(samples: np.ndarray) -> float:
    """How sure the network is, 0 to 1, that somebody speaks in up to 30 s of mono sound at 16 kHz.

    Raises:
        AssetError: the network cannot be fetched.
    """
    whisper = load_whisper()
    encoded = whisper.encode(compute_spectrogram(samples.astype(np.float32), SPECTROGRAM_FRAMES))
    prompt = whisper.vocabulary.prompt("en")
    result = whisper.model.generate(encoded, [prompt], max_length=len(prompt) + 1, return_no_speech_prob=True)[0]
    return 1 - float(result.no_speech_prob)


def split_windows(pieces: Iterable[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """First sample and samples of windows of up to 29.5 s that end where it is quiet."""
    longest, shortest = int((WINDOW_S - 0.5) * RATE), SHORTEST_WINDOW_S * RATE
    buffer, start = np.zeros(0, np.float32), 0
    for piece in pieces:
        buffer = np.concatenate([buffer, piece])
        while len(buffer) > longest:
            stop = shortest + _find_quiet(buffer[shortest:longest])
            yield start, buffer[:stop]
            buffer, start = buffer[stop:], start + stop
    if len(buffer):
        yield start, buffer


def _find_quiet(samples: np.ndarray) -> int:
    """Index of the middle of the quietest 0.2 s."""
    step = RATE // 100
    energy = (samples[: len(samples) // step * step].reshape(-1, step).astype(np.float64) ** 2).sum(1)
    smooth = np.convolve(energy, np.ones(20), "valid")
    return int((np.argmin(smooth) + 10) * step)


def _recognize_window(whisper: Whisper, window: np.ndarray, offset_s: float, language: str | None) -> list[Word]:
    encoded = whisper.encode(compute_spectrogram(window, SPECTROGRAM_FRAMES))
    if language is None:
        language = whisper.model.detect_language(encoded)[0][0][0].strip("<|>")
    prompt = whisper.vocabulary.prompt(language)
    tokens = _generate(whisper, encoded, prompt)
    if not tokens:
        return []
    words = _time_words(whisper, encoded, prompt, tokens, len(window) / RATE)
    loud = find_loud(window)
    return [_trim_silence(word, loud, offset_s) for word in words]


def _generate(whisper: Whisper, encoded: Any, prompt: list[int]) -> list[int]:
    """Tokens of the text; none where there is no speech, or where the network repeats itself whatever is tried."""
    for penalty, ngram_size in ((1.0, 0), (1.15, 4)):
        result = whisper.model.generate(
            encoded,
            [prompt],
            beam_size=5,
            return_scores=True,
            return_no_speech_prob=True,
            repetition_penalty=penalty,
            no_repeat_ngram_size=ngram_size,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if whisper.vocabulary.is_text(token)]
        if result.no_speech_prob > NO_SPEECH and result.scores[0] < UNSURE:
            return []
        text = whisper.vocabulary.decode(tokens).encode()
        if not text or len(text) / len(zlib.compress(text)) <= MAX_COMPRESSION:
            return tokens
    return []


def _time_words(
    whisper: Whisper, encoded: Any, prompt: list[int], tokens: Sequence[int], length_s: float
) -> list[Word]:
    """Times by the attention of the decoder's heads that follow the sound, warped to be monotonic."""
    frames = min(SPECTROGRAM_FRAMES, round(length_s * 100))
    if frames < 2:
        return []
    result = whisper.model.align(encoded, prompt[:3], [list(tokens)], frames, median_filter_width=7)[0]
    pairs = np.array(result.alignments)
    jumps = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
    begin_s = np.append(pairs[jumps, 1] / FEATURE_RATE, length_s)
    words = []
    for text, first, stop in whisper.vocabulary.split_words(tokens):
        start_s, end_s = float(begin_s[first]), float(begin_s[min(stop, len(begin_s) - 1)])
        probability = float(np.mean(result.text_token_probs[first:stop]))
        words.append(Word(text, start_s, max(end_s, start_s), probability))
    return words


def find_loud(samples: np.ndarray) -> np.ndarray:
    """(n,) bool for every 10 ms at 16 kHz: whether it is loud enough to be part of a word."""
    step = RATE // 100
    padded = np.pad(samples, (0, -len(samples) % step)).reshape(-1, step).astype(np.float64)
    level = 10 * np.log10((padded**2).mean(1) + 1e-12)
    return np.asarray(level > np.percentile(level, 98) - LOUD_DB)


def _trim_silence(word: Word, loud: np.ndarray, offset_s: float) -> Word:
    """The word without the silence at its ends, which attention counts to the word beside it."""
    first, last = round(word.start_s * 100), round(word.end_s * 100)
    loud_frames = np.flatnonzero(loud[first:last])
    start_s, end_s = word.start_s, word.end_s
    if loud_frames.size:
        start_s, end_s = (first + int(loud_frames[0])) / 100, (first + int(loud_frames[-1]) + 1) / 100
    return Word(word.text, offset_s + start_s, offset_s + end_s, word.probability)
