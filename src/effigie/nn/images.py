"""Pictures between numpy (uint8, channels last) and torch (float in [0, 1], channels first)."""

from __future__ import annotations

import numpy as np
from torch import Tensor


def to_float(pictures: Tensor) -> Tensor:
    """(B, S, S, C) uint8 -> (B, C, S, S) float32 in [0, 1], channels last in memory."""
    return pictures.permute(0, 3, 1, 2).float() / 255.0


def to_uint8(pictures: Tensor) -> np.ndarray:
    """(B, 3, S, S) in [0, 1] -> (B, S, S, 3) uint8."""
    return (pictures.float().clamp(0, 1) * 255).round().byte().cpu().permute(0, 2, 3, 1).numpy()
