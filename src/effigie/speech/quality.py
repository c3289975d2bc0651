"""How good a recording of speech is: level, noise, clipping, bandwidth, melody; and advice in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.speech.activity import find_speech
from effigie.speech.f0 import measure_f0
from effigie.speech.mel import power_spectrum

CLIP_LEVEL = 0.985  # of full scale
LOUD_CLIPPING = 2e-4  # share of samples: more is heard
NOISY_DB, QUIET_DB = 18.0, -45.0
TELEPHONE_HZ = 4500.0  # a recording that ends below was a telephone's, or stored at 8 kHz
WHISPER_SHARE = 0.15  # share of the speech that is voiced, below which it is a whisper
_STEP = 240  # samples of 24 kHz
_EDGE_DB = 55.0  # below the loudest third of an octave, at which the band ends


@dataclass(frozen=True)
class SpeechQuality:
    """Measures of one recording.

    Attributes:
        duration_s, speech_s: of the file, and of the speech in it.
        level_db: mean level of the speech, of full scale.
        noise_db: speech above what is heard between it; None where nothing is between.
        clipped: share of samples at full scale.
        bandwidth_hz: up to where there is sound.
        voiced: share of the speech with a fundamental frequency.
        f0_hz: median and 10th and 90th percentile of it; zeros without any.
        advice: what stands against using it, a sentence each.
    """

    duration_s: float
    speech_s: float
    level_db: float
    noise_db: float | None
    clipped: float
    bandwidth_hz: float
    voiced: float
    f0_hz: tuple[float, float, float]
    advice: tuple[str, ...]


def measure_quality(samples: np.ndarray, rate: int = 24000) -> SpeechQuality:
    """Measure a recording.

    Args:
        samples: (n,) float32.
        rate: samples a second, 24000.
    """
    stretches = find_speech(samples, rate)
    is_speech = np.zeros(len(samples), bool)
    for start, stop in stretches:
        is_speech[round(start * rate) : round(stop * rate)] = True
    speech, rest = samples[is_speech], samples[~is_speech]
    f0 = measure_f0(samples, rate, 100.0)
    in_speech = is_speech[np.minimum(np.arange(len(f0)) * rate // 100, len(samples) - 1)]
    pitches = f0[in_speech & (f0 > 0)]
    level, floor = _level(speech), _noise_floor(rest)
    measured = {
        "duration_s": len(samples) / rate,
        "speech_s": len(speech) / rate,
        "level_db": level,
        "noise_db": None if floor is None else level - floor,
        "clipped": float((np.abs(samples) >= CLIP_LEVEL).mean()) if len(samples) else 0.0,
        "bandwidth_hz": _bandwidth(speech, rate),
        "voiced": len(pitches) / max(1, int(in_speech.sum())),
        "f0_hz": tuple(float(np.percentile(pitches, share)) for share in (50, 10, 90)) if len(pitches) else (0.0,) * 3,
    }
    return SpeechQuality(**measured, advice=tuple(_advise(measured)))  # type: ignore[arg-type]


def _level(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-10)) if len(samples) else -100.0


def _noise_floor(rest: np.ndarray) -> float | None:
    """Level of the quieter half of what lies between the speech."""
    count = len(rest) // _STEP
    if count < 10:
        return None
    power = np.sort((rest[: count * _STEP].reshape(count, _STEP).astype(np.float64) ** 2).mean(axis=1))
    return float(10 * np.log10(power[: count // 2].mean() + 1e-10))


def _bandwidth(speech: np.ndarray, rate: int) -> float:
    if len(speech) < 2048:
        return 0.0
    power = power_spectrum(speech, 2048, 1024).mean(axis=1)
    frequencies = np.fft.rfftfreq(2048, 1 / rate)
    edges = np.arange(250.0, rate / 2, 250.0)
    bands = np.array([power[(frequencies >= low) & (frequencies < low + 250)].mean() for low in edges])
    loud = np.flatnonzero(10 * np.log10(bands + 1e-12) > 10 * np.log10(bands.max() + 1e-12) - _EDGE_DB)
    return float(edges[loud[-1]] + 250) if len(loud) else 0.0


def _advise(measures: dict[str, object]) -> list[str]:
    advice: list[str] = []
    speech_s, noise_db = float(measures["speech_s"]), measures["noise_db"]  # type: ignore[arg-type]
    if speech_s < 1:
        return ["no speech is heard in it: see whether it is the right file, and whether the microphone was on"]
    if float(measures["clipped"]) > LOUD_CLIPPING:  # type: ignore[arg-type]
        advice.append("it is clipped: turn the microphone down and record it again")
    if isinstance(noise_db, float) and noise_db < NOISY_DB:
        advice.append(
            f"speech is only {noise_db:.0f} dB above the noise: record in a quieter room, nearer to the mouth"
        )
    if float(measures["level_db"]) < QUIET_DB:  # type: ignore[arg-type]
        advice.append("it is very quiet: turn the microphone up")
    if float(measures["bandwidth_hz"]) < TELEPHONE_HZ:  # type: ignore[arg-type]
        advice.append("it holds nothing above 4.5 kHz, like a telephone's: s and f are missing, use another microphone")
    if float(measures["voiced"]) < WHISPER_SHARE:  # type: ignore[arg-type]
        advice.append("it is whispered, or no speech: a voice cannot be heard in it; speak aloud")
    return advice
