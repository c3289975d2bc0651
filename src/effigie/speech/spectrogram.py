"""The log-mel spectrogram that Whisper reads (Radford et al. 2022, section 2.2), in numpy."""

from __future__ import annotations

from functools import cache
from math import gcd

import numpy as np
from scipy.signal import resample_poly

RATE = 16000
"""Samples a second that Whisper is made for."""

HOP, WINDOW, BANDS = 160, 400, 80
DYNAMIC_RANGE = 8.0  # decades below the loudest that are told apart


def to_mono(samples: np.ndarray, rate: int) -> np.ndarray:
    """(n,) float32 at 16 kHz: the mean of the channels, resampled.

    Args:
        samples: (channels, n) or (n,) float32.
        rate: samples a second.
    """
    mono = np.nan_to_num(samples.mean(axis=0) if samples.ndim == 2 else samples).astype(np.float32)
    if rate == RATE:
        return mono
    common = gcd(rate, RATE)
    return np.asarray(resample_poly(mono, RATE // common, rate // common), dtype=np.float32)


def compute_spectrogram(samples: np.ndarray, frames: int) -> np.ndarray:
    """(80, frames) float32, 100 frames a second, about -1 to 1; what the samples do not reach is silence.

    Args:
        samples: (n,) at 16 kHz.
        frames: how many, from the first sample on.
    """
    length = (frames - 1) * HOP + WINDOW
    padded = np.zeros(length, np.float32)
    body = samples[: length - WINDOW // 2]
    padded[WINDOW // 2 : WINDOW // 2 + len(body)] = body
    if len(body) > WINDOW // 2:  # mirrored before the beginning, as in training
        padded[: WINDOW // 2] = body[WINDOW // 2 : 0 : -1]
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:frames]
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(pieces * window, axis=1)) ** 2
    decades = np.log10(np.maximum(mel_filters() @ power.T, 1e-10))
    return np.asarray((np.maximum(decades, decades.max() - DYNAMIC_RANGE) + 4) / 4, dtype=np.float32)


def mel_filters() -> np.ndarray:
    """(80, 201) triangles on Slaney's mel scale, each of area 1."""
    return slaney_filters(WINDOW, BANDS)


@cache
def slaney_filters(window: int, bands: int) -> np.ndarray:
    """(bands, window // 2 + 1) triangles on Slaney's mel scale up to 8 kHz, each of area 1."""
    frequencies = np.fft.rfftfreq(window, 1 / RATE)
    edges = _to_hertz(np.linspace(0, _to_mel(RATE / 2), bands + 2))
    rise = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None])


# Slaney's Auditory Toolbox (1998): linear below 1 kHz, logarithmic above.
LINEAR_HZ, BREAK_HZ, LOG_STEP = 200 / 3, 1000.0, np.log(6.4) / 27


def _to_mel(hertz: float) -> float:
    if hertz < BREAK_HZ:
        return hertz / LINEAR_HZ
    return float(BREAK_HZ / LINEAR_HZ + np.log(hertz / BREAK_HZ) / LOG_STEP)


def _to_hertz(mel: np.ndarray) -> np.ndarray:
    knee = BREAK_HZ / LINEAR_HZ
    return np.where(mel < knee, mel * LINEAR_HZ, BREAK_HZ * np.exp(LOG_STEP * (np.maximum(mel, knee) - knee)))
