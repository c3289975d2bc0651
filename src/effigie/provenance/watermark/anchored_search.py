"""Search for the pattern in a face patch: small shifts, scales, stretches and turns around where the face says it is.

The landmarks of a made face lie a little elsewhere than those that the mark was placed by, and whoever stretches a clip
stretches both. The patch's dense spectrum is looked up at the harmonics of every candidate, known symbols alone, so
that thousands of poses cost a product of matrices.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import cv2
import numpy as np
import scipy  # its parts load when they are used
from numpy.typing import NDArray

from effigie.provenance.watermark.anchored_pattern import TILE_CM, anchored_carriers
from effigie.provenance.watermark.face_patch import SIDE, TILE_PIXELS
from effigie.provenance.watermark.payload import SYMBOL_COUNT, normalize
from effigie.provenance.watermark.residual import Plane

_DENSE = 4 * SIDE  # sides of the spectrum
_NOISE_BINS = 21  # of the undersampled spectrum that the noise is averaged over

# Reach, step and expected deviation of what the landmarks leave open.
SIZE_REACH, SIZE_STEP, SIZE_SIGMA = 0.075, 0.015, 0.04  # logarithm
STRETCH_REACH, STRETCH_STEP, STRETCH_SIGMA = 0.132, 0.022, 0.07  # logarithm of width by height
TURN_REACH, TURN_STEP, TURN_SIGMA = 2.4, 0.8, 1.5  # degrees
SHIFT_REACH, SHIFT_STEP, SHIFT_SIGMA = 1.75, 0.25, 0.8  # centimetres
MAX_CANDIDATES = 48  # poses that are refined
_ROUNDS = 4
_FORM_COUNT, _SHIFT_COUNT = 9, 9  # forms and shifts around a pose that are tried in a round
_WORD_ROUNDS = 6
WORD_POSES = _WORD_ROUNDS * _FORM_COUNT * _SHIFT_COUNT
"""Poses that a whole codeword is looked for at by :meth:`AnchoredSearch.refine`."""
KEY_SAY = 0.5  # of key frames' evidence, against 1 of that of all frames
_MIN_DISTANCE = 0.35  # centimetres, at the face's border, by which two poses are told apart


def _steps(reach: float, step: float) -> NDArray[np.float64]:
    count = round(reach / step)
    return np.asarray(np.arange(-count, count + 1) * step, np.float64)


_FORMS = np.stack(
    np.meshgrid(
        _steps(SIZE_REACH, SIZE_STEP), _steps(STRETCH_REACH, STRETCH_STEP), _steps(TURN_REACH, TURN_STEP), [0.0]
    ),
    -1,
).reshape(-1, 4)
_SHIFTS = np.stack(np.meshgrid(*[_steps(SHIFT_REACH, SHIFT_STEP)] * 2), -1).reshape(-1, 2)
# Around a pose: changes of its form, one at a time, and of its place, in steps.
_FORM_STEPS = np.concatenate([np.zeros((1, 4)), np.eye(4), -np.eye(4)])
_SHIFT_STEPS = np.stack(np.meshgrid(*[np.array([-1.0, 0.0, 1.0])] * 2), -1).reshape(-1, 2)
_FINE_STEPS = np.array([SIZE_STEP, STRETCH_STEP, TURN_STEP, 0.02]) / 2
POSE_TRIALS = 2 * (len(_FORMS) * len(_SHIFTS) + MAX_CANDIDATES * _ROUNDS * _FORM_COUNT * _SHIFT_COUNT)
"""All poses that the known symbols are looked for at around one face, mirrored ones included."""


@dataclass(frozen=True, eq=False)
class AnchoredPose:
    """Where the pattern lies in a face's frame: ``matrix`` (2, 2) and ``shift`` (2,) cm from the patch to the pattern.

    Attributes:
        mirrored: the patch is flipped first.
        agreement: of the known symbols, in standard deviations of chance.
    """

    matrix: NDArray[np.float64] = field(default_factory=lambda: np.eye(2))
    shift: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    mirrored: bool = False
    agreement: float = 0.0


class AnchoredSearch:
    """Correlates a patch's residual with the pattern.

    Args:
        residual: (SIDE, SIDE) float32 of :meth:`effigie.provenance.watermark.face_patch.FacePatch.residual`.
        of_keys: the same of key frames alone, which an encoder keeps best; None where all frames are, or none.
    """

    def __init__(self, residual: Plane, of_keys: Plane | None = None) -> None:
        self._sides = _both_sides(residual)
        self._key_sides = None if of_keys is None else _both_sides(of_keys)

    def find_candidates(self, count: int) -> list[AnchoredPose]:
        """Likely poses, best first, at most MAX_CANDIDATES; before them where the landmarks say, mirrored or not.

        Too faint a pattern is not found among thousands of poses, and may still be read there with the frame's.
        """
        return self._candidates[:count]

    @functools.cached_property
    def _candidates(self) -> list[AnchoredPose]:
        sides = [self._search(mirrored) for mirrored in (False, True)]
        poses = sorted((pose for side in sides for pose in side[1:]), key=lambda pose: -pose.agreement)
        candidates: list[AnchoredPose] = []
        for pose in [*(side[0] for side in sides), *poses]:
            if all(_distance(pose, candidate) > _MIN_DISTANCE for candidate in candidates):
                candidates.append(pose)
            if len(candidates) == MAX_CANDIDATES:
                break
        return candidates

    def evidence(self, pose: AnchoredPose) -> NDArray[np.float32]:
        """(SYMBOL_COUNT + pilots,) what speaks for every code symbol, then for the known ones, if it lies so."""
        symbols = _read_symbols(self._sides[pose.mirrored], pose)
        if self._key_sides is not None:
            symbols = normalize(symbols) + KEY_SAY * normalize(_read_symbols(self._key_sides[pose.mirrored], pose))
        return symbols

    def refine(self, pose: AnchoredPose, symbols: NDArray[np.float32]) -> AnchoredPose:
        """The pose near another at which a whole codeword, (SYMBOL_COUNT,), agrees best with the patch.

        It has four times as many symbols as those that are known beforehand, and tells the place twice as well.
        """
        reference = _Reference.of_codeword(symbols)
        matrix, shift, value = pose.matrix, pose.shift, pose.agreement
        for number in range(_WORD_ROUNDS):
            matrices = _matrices(_FORM_STEPS * (_FINE_STEPS / 1.5**number)) @ matrix
            shifts = shift + _SHIFT_STEPS * (SHIFT_STEP / 2 / 1.5**number)
            field = self._correlate(pose.mirrored, matrices, shifts, reference)
            row, column = np.unravel_index(int(field.argmax()), field.shape)
            matrix, shift, value = matrices[row], shifts[column], float(field[row, column])
        return AnchoredPose(matrix, shift, pose.mirrored, value)

    def _search(self, mirrored: bool) -> list[AnchoredPose]:
        """Refined poses of one side; the first began where the landmarks lie."""
        grid, shifts, pilots = _FORMS, _SHIFTS, _Reference.pilots()
        fields = self._correlate(mirrored, _matrices(grid), shifts, pilots)
        likely = np.maximum(fields, 0) ** 2 / 2 - _improbability(grid)[:, None]
        likely -= ((shifts / SHIFT_SIGMA) ** 2).sum(1)[None] / 2
        best = likely.argmax(1)
        order = np.argsort(-likely[np.arange(len(grid)), best])[: MAX_CANDIDATES - 1]
        form = np.concatenate([np.zeros((1, 4)), grid[order]])  # as the landmarks say, then the best of the grid
        place = np.concatenate([np.zeros((1, 2)), shifts[best[order]]])
        value = np.zeros(len(form))
        for number in range(_ROUNDS):
            reach = SHIFT_STEP / 2 / 2 ** (number / 1.5)
            forms = form[:, None] + _FORM_STEPS[None] * (_FINE_STEPS / 1.6**number)
            local = place[:, None] + _SHIFT_STEPS[None] * reach
            for index in range(len(form)):
                part = forms[index]
                field = self._correlate(mirrored, _matrices(part), local[index], pilots)
                row, column = np.unravel_index(int(field.argmax()), field.shape)
                form[index], place[index], value[index] = part[row], local[index, column], field[row, column]
        return [
            AnchoredPose(_matrices(form[i : i + 1])[0], place[i].copy(), mirrored, float(value[i]))
            for i in range(len(form))
        ]

    def _correlate(
        self, mirrored: bool, matrices: NDArray[np.float64], shifts: NDArray[np.float64], reference: _Reference
    ) -> NDArray[np.float32]:
        """(forms, shifts) the correlation with the wanted symbols in standard deviations."""
        values, weight = self._sides[mirrored].look_up(matrices, reference.orders)
        waves = np.exp(-2j * np.pi * (reference.orders @ shifts.T) / TILE_CM).astype(np.complex64)
        terms = (values * weight * reference.signs[None]).astype(np.complex64)
        both = np.concatenate([terms.real, -terms.imag], 1) @ np.concatenate([waves.real, waves.imag], 0)
        return np.asarray(both / np.sqrt(2 * np.sum(weight**2, axis=1))[:, None], np.float32)


@dataclass(frozen=True, eq=False)
class _Reference:
    """Symbols that are looked for: harmonics (K, 2) in cycles a tile, and the conjugate of what they carry, (K,)."""

    orders: NDArray[np.float64]
    signs: NDArray[np.complex64]

    @classmethod
    @functools.cache
    def pilots(cls) -> _Reference:
        """Those that are the same in every codeword."""
        waves = anchored_carriers()
        signs = waves.scramble[waves.pilots, 0] - 1j * waves.scramble[waves.pilots, 1]
        return cls(_orders()[waves.pilots], signs.astype(np.complex64))

    @classmethod
    def of_codeword(cls, symbols: NDArray[np.float32]) -> _Reference:
        """All symbols of one codeword."""
        return cls(_orders(), np.conj(anchored_carriers().spectrum(symbols)))


class _Spectrum:
    """The spectrum of a patch around its middle, dense enough to be looked up anywhere."""

    def __init__(self, residual: Plane) -> None:
        self._dense = scipy.fft.fft2(residual, s=(_DENSE, _DENSE))
        power = np.fft.fftshift(np.abs(self._dense[::4, ::4]) ** 2)
        noise = cv2.blur(power, (_NOISE_BINS, _NOISE_BINS), borderType=cv2.BORDER_REFLECT)
        noise = np.fft.ifftshift(noise)
        self._deviation = np.sqrt(np.maximum(noise, noise.max() * 1e-8 + 1e-30) / 2).astype(np.float32)

    def look_up(
        self, matrices: NDArray[np.float64], orders: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
        """(n, M) values of variance 1 in either part, and what a mark would add to them, for (n, 2, 2) matrices."""
        places = np.rint(np.einsum("mi,nij->nmj", orders, matrices) * (_DENSE / TILE_PIXELS)).astype(np.int64)
        phase = places.sum(-1) * ((SIDE - 1) / 2 / _DENSE)
        x, y = places[..., 0] % _DENSE, places[..., 1] % _DENSE
        deviation = self._deviation[(y // 4), (x // 4)]
        values = self._dense[y, x] / deviation * np.exp(2j * np.pi * phase)
        weight = 1 / deviation
        return values.astype(np.complex64), weight / np.sqrt(np.mean(weight**2, axis=1, keepdims=True))


def _both_sides(residual: Plane) -> list[_Spectrum]:
    """The spectra of a patch and of its mirror image."""
    return [_Spectrum(residual), _Spectrum(np.ascontiguousarray(residual[:, ::-1]))]


def _orders() -> NDArray[np.float64]:
    """(M, 2) cycles a tile of all harmonics."""
    waves = anchored_carriers()
    return np.stack([waves.frequency_x, waves.frequency_y], 1).astype(np.float64)


def _read_symbols(spectrum: _Spectrum, pose: AnchoredPose) -> NDArray[np.float32]:
    waves, orders = anchored_carriers(), _orders()
    values, weight = spectrum.look_up(pose.matrix[None], orders)
    harmonics = values[0] * weight[0] * np.exp(-2j * np.pi * (orders @ pose.shift) / TILE_CM)
    parts = np.stack([harmonics.real, harmonics.imag], axis=1) * waves.scramble
    return np.asarray(parts.ravel()[waves.slots], np.float32)


def _matrices(forms: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2, 2) of (n, 4): logarithms of size and stretch, turn in degrees, shear."""
    size, stretch, turn, shear = forms.T
    wide, high = np.exp(size + stretch / 2), np.exp(size - stretch / 2)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    first = np.stack([np.stack([wide, wide * shear], -1), np.stack([np.zeros_like(high), high], -1)], -2)
    return np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2) @ first


def _improbability(forms: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) minus the logarithm of how likely each form is."""
    size, stretch, turn, _ = forms.T
    return ((size / SIZE_SIGMA) ** 2 + (stretch / STRETCH_SIGMA) ** 2 + (turn / TURN_SIGMA) ** 2) / 2


def _distance(first: AnchoredPose, second: AnchoredPose) -> float:
    """Centimetres by which two poses differ 8 cm from the middle."""
    if first.mirrored != second.mirrored:
        return np.inf
    return float(8 * np.abs(first.matrix - second.matrix).max() + np.hypot(*(first.shift - second.shift)))


assert SYMBOL_COUNT % 2 == 0  # so that known symbols fill whole harmonics
