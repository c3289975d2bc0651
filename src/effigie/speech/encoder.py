"""Features of speech: what Whisper's encoder makes of sound, 50 vectors a second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from effigie.media.sound.reader import Sound
from effigie.progress import CancelToken
from effigie.speech.spectrogram import RATE, compute_spectrogram, to_mono
from effigie.speech.whisper import FEATURE_RATE, FEATURES, SPECTROGRAM_FRAMES, WINDOW_S, load_whisper

OVERLAP_S = 2
"""Seconds on either side of a window that another one shows with more around them."""


def encode(sound: Sound, cancel: CancelToken | None = None) -> np.ndarray:
    """(frames, 512) float32 features, 50 a second; frame k is about k/50 s. As many as the sound is long.

    Windows of 30 s that overlap by 4; each frame is taken where it has 2 s or more on both sides.

    Raises:
        AssetError: the network cannot be fetched.
        CancelledError: asked to stop.
    """
    mono = to_mono(sound.samples, sound.rate)
    pieces = (mono[start : start + RATE] for start in range(0, len(mono), RATE))
    features = list(encode_stream(pieces, cancel))
    return np.concatenate(features) if features else np.zeros((0, FEATURES), np.float32)


def encode_stream(pieces: Iterable[np.ndarray], cancel: CancelToken | None = None) -> Iterator[np.ndarray]:
    """(n, 512) features of one window after another, as :func:`encode`; memory does not grow with the sound.

    Args:
        pieces: (n,) float32 at 16 kHz, of any lengths.
    """
    return (features for features, _ in analyze_stream(pieces, cancel))


def analyze_stream(
    pieces: Iterable[np.ndarray], cancel: CancelToken | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """As :func:`encode_stream`, with the (2n, 80) spectrogram of the same time: 100 frames a second."""
    whisper = None
    for window, skipped, count in split_windows(pieces):
        if cancel is not None:
            cancel.check()
        whisper = whisper or load_whisper()
        spectrogram = compute_spectrogram(window, SPECTROGRAM_FRAMES)
        output = np.array(whisper.encode(spectrogram), np.float32)[0]
        yield output[skipped : skipped + count], spectrogram.T[2 * skipped : 2 * (skipped + count)]


def split_windows(pieces: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, int, int]]:
    """Windows of up to 30 s at 16 kHz; of the features of each, how many to skip and then to keep."""
    size, margin = WINDOW_S * RATE, OVERLAP_S * RATE
    step = RATE // FEATURE_RATE
    buffer, skipped = np.zeros(0, np.float32), 0
    for piece in pieces:
        buffer = np.concatenate([buffer, piece])
        while len(buffer) > size:
            count = (size - margin) // step - skipped
            yield buffer[:size], skipped, count
            buffer, skipped = buffer[size - 2 * margin :], margin // step
    if (remainder := -(-len(buffer) // step) - skipped) > 0:
        yield buffer, skipped, remainder
