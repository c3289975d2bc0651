"""The linear maps between code values of Y'CbCr and R'G'B', for any depth (ITU-T H.273)."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from effigie.media.clip import LumaRange

WEIGHTS = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "smpte240m": (0.212, 0.087),
    "fcc": (0.30, 0.11),
}
"""Shares of red and blue in luma."""

Matrix = NDArray[np.float32]


def luma_levels(value_range: LumaRange, bits: int) -> tuple[int, int]:
    """Code values of black and white."""
    return (0, (1 << bits) - 1) if value_range == "full" else (16 << (bits - 8), 235 << (bits - 8))


def chroma_scale(value_range: LumaRange, bits: int) -> int:
    """Code values between the two ends of a color difference."""
    return (1 << bits) - 1 if value_range == "full" else 224 << (bits - 8)


@functools.cache
def encode_matrix(matrix: str, value_range: LumaRange, bits: int) -> Matrix:
    """(3, 3) from a difference of R'G'B' in 0..1 to one of Y, Cb, Cr in code values."""
    red, blue = WEIGHTS[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    black, white = luma_levels(value_range, bits)
    scale = chroma_scale(value_range, bits)
    rows = [
        luma * (white - black),
        scale * (np.array([0, 0, 1]) - luma) / (2 * (1 - blue)),
        scale * (np.array([1, 0, 0]) - luma) / (2 * (1 - red)),
    ]
    return np.asarray(rows, np.float32)


@functools.cache
def decode_matrix(matrix: str, value_range: LumaRange, bits: int) -> Matrix:
    """(3, 4) from (Y, Cb, Cr, 1) in code values to R'G'B' in 0..1, unclipped."""
    inverse = np.linalg.inv(encode_matrix(matrix, value_range, bits).astype(np.float64))
    zero = np.array([luma_levels(value_range, bits)[0], 1 << (bits - 1), 1 << (bits - 1)])
    return np.column_stack([inverse, -inverse @ zero]).astype(np.float32)
