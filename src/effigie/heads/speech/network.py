"""Predicts a mouth from features of speech: linear, with the lips' gap brought back to a mouth's own range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.faces.mesh import middle_lip_gaps
from effigie.heads.speech.features import Reduction

COEFFICIENTS = 10  # of mouth, jaw and cheeks; 99.3 % of what moves on people who speak
SHUT_AT, SHUT_SOFTNESS = 0.3, 0.04  # of the predicted share of people whose lips are shut now


@dataclass(frozen=True)
class MouthModel:
    """Shapes of a mouth that speaks, and how they follow from features.

    Attributes:
        encoder_reduction, mel_reduction: of Whisper's features, and of the spectrogram.
        weights: (F, C + 1) from gathered features to C coefficients and to how surely the lips are shut.
        rest: (478, 3) float32 cm: the mean of people at rest, lips shut.
        basis: (C, 478, 3) float32 cm that a coefficient of 1 moves landmarks by.
        gap_curve: (2, Q) predicted gaps of the lips, ascending, and those that people have as often, cm: what is
            predicted from sound alone is never sure, and so never quite shut nor wide open.
        blendshapes: (C + 1, 52) the same in blendshapes; the last row at rest.
    """

    encoder_reduction: Reduction
    mel_reduction: Reduction
    weights: np.ndarray
    rest: np.ndarray
    basis: np.ndarray
    gap_curve: np.ndarray
    blendshapes: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(n, C + 1) float32 coefficients, and how surely the lips are shut, from (n, F) features."""
        return np.asarray(features @ self.weights, dtype=np.float32)

    def find_gaps(self, coefficients: np.ndarray, shut: np.ndarray) -> np.ndarray:
        """(n,) gap between the inner lips in cm, 0 or more, of (n, C) coefficients and (n,) shares of shut lips."""
        gap = np.interp(self.measure_gap(coefficients), *self.gap_curve)
        surely = 1 / (1 + np.exp(np.clip((SHUT_AT - shut) / SHUT_SOFTNESS, -50, 50)))
        return np.maximum(gap * (1 - surely), 0).astype(np.float32)

    def measure_gap(self, coefficients: np.ndarray) -> np.ndarray:
        """(n,) gap at the middle of the inner lips that (n, C) coefficients make, cm; negative if they overlap."""
        moves = np.stack([middle_gap(self.rest + shape) for shape in self.basis]) - middle_gap(self.rest)
        return np.asarray(middle_gap(self.rest) + coefficients @ moves)

    def to_blendshapes(self, coefficients: np.ndarray) -> np.ndarray:
        """(n, 52) float32 in 0..1 of (n, C) coefficients."""
        return np.clip(coefficients @ self.blendshapes[:-1] + self.blendshapes[-1], 0, 1).astype(np.float32)


def middle_gap(shape: np.ndarray) -> float:
    """Mean height of the inner lips' gap at its middle, cm, of a (478, 3) unposed shape."""
    return float(middle_lip_gaps(shape)[:, 1].mean())
