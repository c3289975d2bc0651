"""Height and range of voices: F0 of one person carried over to another's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# What the network means by unvoiced is seldom 0 Hz: in some voices it says 10 to 20, and passes through 30 and 40.
VOICED_HZ = 50.0
_NARROWEST, _WIDEST = 0.6, 1.6  # by which a range is changed at most
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 800.0


@dataclass(frozen=True)
class Melody:
    """Mean and standard deviation of log F0 (of Hz) of a voice."""

    mean: float
    spread: float

    @classmethod
    def measure(cls, f0: np.ndarray) -> Melody | None:
        """From (T,) Hz; None without any voiced frame."""
        logs = np.log(f0[f0 > VOICED_HZ])
        return cls(float(logs.mean()), float(logs.std())) if len(logs) else None


def carry_over(f0: np.ndarray, source: Melody, target: Melody, keep: float = 0.5, semitones: float = 0.0) -> np.ndarray:
    """(T,) Hz of the source's melody at the target's height; 0 where unvoiced.

    Args:
        keep: 1 keeps the source's range, 0 takes the target's.
        semitones: above the target's height.
    """
    ratio = (target.spread / max(source.spread, 1e-3)) ** (1 - keep)
    ratio = float(np.clip(ratio, _NARROWEST, _WIDEST))
    voiced = f0 > VOICED_HZ
    result = np.zeros_like(f0)
    logs = (np.log(f0[voiced]) - source.mean) * ratio + target.mean + semitones * np.log(2) / 12
    result[voiced] = np.clip(np.exp(logs), _LOWEST_HZ, _HIGHEST_HZ)
    return result
