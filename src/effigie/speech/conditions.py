"""Conditions under which a voice may be heard again: telephones, small microphones, rooms, noise; by computer.

An encoder of voices hears the microphone, too. A voice that is kept as it sounds under several conditions is known
again under others: measured, the right person is refused a third as often (docs/trust.md).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

RATE = 16000
Samples = np.ndarray
"""(n,) float32 at 16 kHz."""


def limit_band(samples: Samples, low: float, high: float) -> Samples:
    """What a telephone or a small microphone leaves, ``low`` to ``high`` Hz."""
    return np.asarray(sosfilt(butter(3, [low, high], "band", fs=RATE, output="sos"), samples), np.float32)


def put_in_room(samples: Samples, reverberation_s: float, seed: int) -> Samples:
    """The voice in a room whose reverberation falls by 60 dB in that time: decaying noise behind the direct sound."""
    count = round(reverberation_s * RATE)
    response = 0.15 * np.random.default_rng(seed).standard_normal(count) * np.exp(-6.9 * np.arange(count) / count)
    response[0] = 1
    return np.asarray(fftconvolve(samples, response)[: len(samples)], np.float32)


def add_noise(samples: Samples, ratio_db: float, seed: int) -> Samples:
    """White noise ``ratio_db`` below the voice."""
    noise = np.random.default_rng(seed).standard_normal(len(samples))
    return np.asarray(samples + noise * np.sqrt(np.mean(samples**2) / 10 ** (ratio_db / 10)), np.float32)


CONDITIONS: dict[str, Callable[[Samples], Samples]] = {
    "as it is": lambda samples: samples,
    "telephone": lambda samples: limit_band(samples, 280, 3600),
    "small microphone": lambda samples: put_in_room(limit_band(samples, 180, 5500), 0.35, 11),
    "room": lambda samples: put_in_room(samples, 0.5, 12),
    "noise": lambda samples: add_noise(samples, 18, 5),
    "telephone, noise": lambda samples: add_noise(limit_band(samples, 320, 3200), 17, 6),
    "small microphone, noise": lambda samples: add_noise(put_in_room(limit_band(samples, 150, 6000), 0.2, 13), 22, 7),
}
