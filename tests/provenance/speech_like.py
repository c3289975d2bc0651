"""Sound that is built like speech: a voice with melody and formants, noise for consonants, pauses."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter


def speech_like(seconds: float, rate: int = 24000, seed: int = 0) -> np.ndarray:
    """(n,) float32, peaks at 0.5; another voice and other syllables for every seed."""
    chance = np.random.default_rng(seed)
    count = round(seconds * rate)
    out = np.zeros(count + rate, np.float32)
    base, place = chance.uniform(95, 210), 0
    while place < count:
        length = round(chance.uniform(0.12, 0.35) * rate)
        pitch = base * np.exp(np.linspace(*chance.normal(0, 0.15, 2), length))
        noise = chance.standard_normal(length)
        voiced = chance.random() < 0.75
        source = (np.diff(np.floor(np.cumsum(pitch / rate)), prepend=0) if voiced else 0.2 * noise) + 0.01 * noise
        for low, high, width in ((300, 900, 80), (900, 2400, 120), (2300, 3400, 200), (3600, 5200, 400)):
            radius = np.exp(-np.pi * width / rate)
            angle = 2 * np.pi * chance.uniform(low, high) / rate
            source = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], source) + 0.15 * source
        source *= np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 0.5 * chance.uniform(0.3, 1)
        out[place : place + length] += source[: len(out) - place].astype(np.float32) / max(np.abs(source).max(), 1e-9)
        place += length + round(chance.choice([0, 0, 0, 0.2]) * rate)
    out = out[:count] + 1e-4 * chance.standard_normal(count).astype(np.float32)
    return np.asarray(0.5 * out / np.abs(out).max(), np.float32)
