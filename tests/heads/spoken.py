"""Sound that rises and falls like speech, for tests of speaking faces."""

from __future__ import annotations

import numpy as np

from effigie.speech.spectrogram import RATE


def syllables(*spans: tuple[float, float], length: float = 6.0, size: float = 0.1) -> np.ndarray:
    """(n,) sound in which a voiced noise swells and fades five times a second within spans, over a faint hiss."""
    clock = np.arange(round(length * RATE)) / RATE
    random = np.random.default_rng(5)
    voiced = np.sign(np.sin(2 * np.pi * 130 * clock)) * np.abs(np.sin(2 * np.pi * 2.5 * clock)) ** 0.5
    samples = 1e-4 * random.normal(size=len(clock))
    for begin, end in spans:
        samples += size * voiced * ((clock >= begin) & (clock < end))
    return samples.astype(np.float32)
