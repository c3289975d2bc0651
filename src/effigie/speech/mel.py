"""Mel spectra and cepstra of speech, and the energy that the speech network knows."""

from __future__ import annotations

from functools import cache

import numpy as np

FLOOR = 1e-5


def power_spectrum(samples: np.ndarray, window: int, hop: int, size: int | None = None) -> np.ndarray:
    """(bins, T) power of Hann windows around samples 0, hop, 2 hop ... of (n,) samples, mirrored at the ends.

    Args:
        size: of the Fourier transform, at least ``window``.
    """
    size = size or window
    half = size // 2
    padded = np.pad(samples, half, mode="reflect" if len(samples) > half else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    taper = np.zeros(size, np.float32)
    begin = (size - window) // 2
    taper[begin : begin + window] = np.hanning(window + 1)[:-1]
    return np.asarray(np.abs(np.fft.rfft(frames * taper, axis=1)).astype(np.float32).T ** 2)


@cache
def mel_bank(rate: int, size: int, bands: int, highest_hz: float, unit_area: bool = False) -> np.ndarray:
    """(bands, size // 2 + 1) triangles, equally wide on the mel scale of HTK, from 0 Hz to ``highest_hz``."""
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + highest_hz / 700), bands + 2) / 2595) - 1)
    rise = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    bank = np.maximum(0, np.minimum(rise, fall))
    if unit_area:
        bank = bank * (2 / (edges[2:] - edges[:-2]))[:, None]
    return np.asarray(bank.astype(np.float32))


def measure_energy(samples: np.ndarray, hop: int = 300) -> np.ndarray:
    """Energy as the speech network was trained with it: log of the norm over mel bands of the power.

    The network's authors made the mel bank for 16 kHz and used it on 24 kHz; so does this.

    Args:
        samples: (n,) float32 of 24 kHz.

    Returns: (T,) float32 nepers, one for every ``hop`` samples.
    """
    power = power_spectrum(samples, 1200, hop, 2048)
    return np.asarray(np.log(np.linalg.norm(mel_bank(16000, 2048, 80, 8000.0) @ power, axis=0) + FLOOR), np.float32)


def compute_log_mel(samples: np.ndarray, hop: int = 300) -> np.ndarray:
    """(40, T) float32 nepers of power up to 8 kHz; samples are (n,) float32 of 24 kHz."""
    return np.asarray(np.log(mel_bank(24000, 1024, 40, 8000.0, True) @ power_spectrum(samples, 1024, hop) + FLOOR))


def compute_cepstra(mel: np.ndarray, count: int = 19) -> np.ndarray:
    """(T, 2 count + 1) float32: mel cepstra without the level, the level, and slopes, each of unit spread.

    Args:
        mel: (bands, T) of :func:`compute_log_mel`.
    """
    bands = mel.shape[0]
    basis = np.cos(np.pi / bands * (np.arange(bands) + 0.5) * np.arange(1, count + 1)[:, None])
    cepstra = (basis @ mel).astype(np.float32)
    cepstra = (cepstra - cepstra.mean(axis=1, keepdims=True)) / (cepstra.std(axis=1, keepdims=True) + 1e-3)
    level = mel.mean(axis=0, keepdims=True)
    level = (level - level.mean()) / (level.std() + 1e-3)
    padded = np.pad(cepstra, ((0, 0), (2, 2)), mode="edge")
    slopes = (2 * (padded[:, 4:] - padded[:, :-4]) + padded[:, 3:-1] - padded[:, 1:-3]) / 10
    return np.concatenate([cepstra, 2 * level, slopes], axis=0).T.astype(np.float32)
