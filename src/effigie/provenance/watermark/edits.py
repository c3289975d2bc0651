"""Edits that a marked picture has been through, read from how its patterns lie.

Once the codeword is known all of a pattern's symbols are, and the frame's pattern can be found far below the strength
at which it could be read: turned, cut and mirrored. The face's pattern alone tells mirroring and stretching, but
neither a cut nor a turn, as nobody knows how the head was held.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import scipy  # its parts load when they are used
from numpy.typing import NDArray

from effigie.provenance.watermark.anchored_search import AnchoredPose
from effigie.provenance.watermark.geometry import PatternPose
from effigie.provenance.watermark.pattern import TILE_SIZE, carriers
from effigie.provenance.watermark.residual import Plane

MIN_STRETCH = 0.065  # logarithm; a made face differs that much from the one that it was placed by
MIN_CUT = 0.03  # of the shorter side
MIN_TURN = 1.0  # degrees
_OVERSAMPLING = 3
_NOISE_BINS = 21  # that the noise is averaged over, without oversampling
_SHIFTS = 64
_SCALES = np.exp(np.arange(math.log(0.9), math.log(2.4), 0.012))
_TURNS = np.arange(-12.6, 12.7, 0.7)  # degrees
_MIN_AGREEMENT = 7.0  # standard deviations: by chance the best of all poses reaches 5.7


@dataclass(frozen=True)
class FrameEdit:
    """How a frame's pattern lies: ``scale`` times as large in the shorter side, turned by ``turn`` degrees."""

    scale: float
    turn: float


def find_frame_edit(residual: Plane, symbols: NDArray[np.float32], mirrored: bool) -> FrameEdit | None:
    """Look for the frame's pattern of a known codeword; None if too little of it is left.

    Args:
        residual: (h, w) float32 of a :class:`~effigie.provenance.watermark.residual.ResidualAccumulator`.
        symbols: the codeword.
    """
    if mirrored:
        residual = np.ascontiguousarray(residual[:, ::-1])
    waves = carriers()
    tall, wide = (scipy.fft.next_fast_len(_OVERSAMPLING * side) for side in residual.shape)
    dense = scipy.fft.fft2(residual, s=(tall, wide))
    bins = (_NOISE_BINS * _OVERSAMPLING,) * 2
    noise = cv2.blur(np.fft.fftshift(np.abs(dense) ** 2), bins, borderType=cv2.BORDER_REFLECT)
    noise = np.maximum(np.fft.ifftshift(noise), noise.max() * 1e-8 + 1e-30)
    signs = np.conj(waves.spectrum(symbols))
    center = [(side - 1) / 2 for side in residual.shape]
    best = (_MIN_AGREEMENT, 1.0, 0.0)
    for turn in _TURNS.tolist():
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        across = cos * waves.frequency_x + sin * waves.frequency_y
        down = cos * waves.frequency_y - sin * waves.frequency_x
        for scale in _SCALES.tolist():
            u = np.rint(across * (wide / (TILE_SIZE * scale))).astype(np.int64)
            v = np.rint(down * (tall / (TILE_SIZE * scale))).astype(np.int64)
            values = dense[v % tall, u % wide] * signs
            weight = 1 / noise[v % tall, u % wide]
            values *= weight * np.exp(2j * np.pi * (u * center[1] / wide + v * center[0] / tall))
            grid = np.zeros((_SHIFTS, _SHIFTS), np.complex64)
            grid[waves.frequency_y, waves.frequency_x] = values
            peak = float(scipy.fft.ifft2(grid).real.max()) * _SHIFTS**2
            agreement = peak / math.sqrt(float(np.sum(weight)))
            best = max(best, (agreement, scale, turn))
    return None if best[0] <= _MIN_AGREEMENT else FrameEdit(best[1], best[2])


def describe_edits(
    pose: PatternPose | None, face_pose: AnchoredPose | None, frame: FrameEdit | None
) -> tuple[str, ...]:
    """What was done to the picture, in words, as far as the patterns tell."""
    edits: list[str] = []
    scale = None if frame is None else frame.scale
    if face_pose is not None:
        if face_pose.mirrored:
            edits.append("mirrored")
        stretch = math.log(abs(face_pose.matrix[1, 1] / face_pose.matrix[0, 0]))
        if abs(stretch) > MIN_STRETCH:
            if scale is not None and abs(math.log(scale)) < 1.5 * abs(stretch):
                scale = None  # one scale for both sides: it says less than the stretch
            side = "width" if stretch > 0 else "height"
            edits.append(f"stretched by about {100 * math.expm1(abs(stretch)):.0f} % in {side}")
    if frame is not None and abs(frame.turn) >= MIN_TURN:
        edits.append(f"turned by about {abs(frame.turn):.0f} degrees")
    if scale is None and pose is not None:
        scale = min(pose.scale_x, pose.scale_y)
    if scale is not None and scale > 1 + MIN_CUT:
        edits.append(f"cut: its shorter side shows {100 / scale:.0f} % of the original's")
    if scale is not None and scale < 1 - MIN_CUT:
        edits.append(f"shown smaller in a larger picture, at {100 * scale:.0f} %")
    return tuple(edits)
