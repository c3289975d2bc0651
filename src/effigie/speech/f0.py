"""Fundamental frequency of speech: SwiftF0 out of a pip package, run by ONNX Runtime."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime

from effigie.assets import fetch_asset
from effigie.speech.spectrogram import RATE, to_mono

LOWEST_HZ, HIGHEST_HZ = 55.0, 600.0
VOICED = 0.5  # confidence from which on a frame is voiced, as the network is calibrated
_HOP = 256  # samples of 16 kHz
_WINDOW, _LEAD, _TAIL = 1875, 11, 10  # frames: of a run, and what of its neighbors the network sees
_SILENCE_PEAK = 1e-3  # below it the network answers at random


def measure_f0(samples: np.ndarray, rate: int, frame_rate: float = 80.0) -> np.ndarray:
    """Fundamental frequency over time.

    Args:
        samples: (n,) or (channels, n) float32.
        rate: samples a second.
        frame_rate: frames a second of the result; frame i is at ``i / frame_rate`` seconds.

    Returns: (T,) float32 Hz, 0 where unvoiced; T is the length in frames, rounded up.
    """
    sound = to_mono(samples, rate)
    count = max(1, len(sound) // _HOP)
    pitch, confidence = np.zeros(count), np.zeros(count)
    padded = np.pad(sound, (0, max(0, _HOP - len(sound))))
    for start in range(0, count, _WINDOW):
        stop, first = min(start + _WINDOW, count), max(0, start - _LEAD)
        piece = padded[first * _HOP : None if stop == count else (stop + _TAIL) * _HOP]
        answers = _load_session().run(
            ["pitch", "confidence"],
            {"audio": piece[None], "fmin": np.array(LOWEST_HZ, np.float32), "fmax": np.array(HIGHEST_HZ, np.float32)},
        )
        pitch[start:stop], confidence[start:stop] = (one[0][start - first : stop - first] for one in answers)
    peaks = np.abs(padded[: count * _HOP]).reshape(count, _HOP).max(axis=1)
    voiced = (confidence >= VOICED) & (peaks >= _SILENCE_PEAK)
    return _resample(np.where(voiced, pitch, 0.0), RATE / _HOP, frame_rate, len(sound) / RATE)


def _resample(f0: np.ndarray, rate: float, target_rate: float, seconds: float) -> np.ndarray:
    """Interpolates log F0 within voiced stretches, never across their ends."""
    times = np.arange(max(1, int(np.ceil(seconds * target_rate - 1e-6)))) / target_rate * rate
    nearest = np.clip(np.rint(times).astype(int), 0, len(f0) - 1)
    lower = np.clip(times.astype(int), 0, len(f0) - 1)
    upper = np.minimum(lower + 1, len(f0) - 1)
    both = (f0[lower] > 0) & (f0[upper] > 0)
    logs = np.log(np.maximum(f0, 1.0))
    part = times - lower
    mixed = np.exp(logs[lower] * (1 - part) + logs[upper] * part)
    return np.where(f0[nearest] > 0, np.where(both, mixed, f0[nearest]), 0.0).astype(np.float32)


@cache
def _load_session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(fetch_asset("swift_f0")), options, providers=["CPUExecutionProvider"])
