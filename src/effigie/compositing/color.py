"""Colour transfer: gives the made face the light and colour of the footage.

``compute_statistics`` measures a made face and the footage under it, ``apply_transfer`` changes the made face; in
between a :class:`ColorSmoother` may smooth the statistics over time, so that the colour does not flicker. All of it
works in crop space, where the face stands still, and the statistics on small copies, where noise and sharpness do not
count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.compositing import color_global, color_local
from effigie.compositing.temporal import ExponentialAverage, Time
from effigie.compositing.window import GRID, CropWindow
from effigie.errors import UsageError

Picture = NDArray[np.float32]
Array = NDArray[Any]

STATISTICS_SIZE = GRID  # px a side at which statistics are taken


@dataclass(frozen=True, eq=False)
class ColorStatistics:
    """A method's statistics of two pictures: means or quantiles, so that they may be averaged in time.

    Attributes:
        method: the method that made them.
        source: the made face's, float32.
        target: the footage's, same shape.
        level: (3,) mean RGB of the footage, 0..1: a jump means that the light changed.
    """

    method: str
    source: Array
    target: Array
    level: Array


def transfer_color(face: Picture, reference: Picture, mask: Array, method: str = "local") -> Picture:
    """The made face in the colours of the footage.

    Args:
        face: (S, S, 3) RGB float32 in 0..1.
        reference: (R, R, 3) the footage under the crop, any size.
        mask: (M, M) in 0..1, which pixels count; any size.
        method: 'none', 'reinhard', 'histogram', 'covariance' or 'local'.
    """
    return apply_transfer(face, compute_statistics(face, reference, mask, method))


def compute_statistics(face: Picture, reference: Picture, mask: Array, method: str) -> ColorStatistics:
    """The statistics for :func:`apply_transfer`; arguments as for :func:`transfer_color`.

    The method is 'none' where no pixel counts.
    """
    check_method(method)
    face, reference, weight = (
        _to_statistics_size(picture) for picture in (face, reference, np.asarray(mask, np.float32))
    )
    nothing = np.zeros(0, np.float32)
    if method == "none" or weight.sum() < 10:
        return ColorStatistics("none", nothing, nothing, nothing)
    measure = COLOR_METHODS[method][0]
    if method == "local":
        # The same pixels on both sides: what is plain skin in one and an eye in the other would tint it.
        face_skin, skin = (color_local.plain_skin_weight(each, weight) for each in (face, reference))
        weight = weight * np.maximum(face_skin * skin, 0.02)
    level = (reference * weight[..., None]).sum(axis=(0, 1)) / weight.sum()
    return ColorStatistics(method, measure(face, weight), measure(reference, weight), level)


def apply_transfer(face: Picture, statistics: ColorStatistics, window: CropWindow | None = None) -> Picture:
    """The face (S, S, 3) RGB float32 in 0..1, or what a window shows of it, after the transfer that is described.

    Returns:
        (h, w, 3) float32 of the window alone; of all without one.
    """
    window, side = window or CropWindow.whole(), face.shape[0]
    face = face[window.pixels(side)]
    if statistics.method == "none":
        return face
    apply = COLOR_METHODS[statistics.method][1]
    matched = apply(np.ascontiguousarray(face), statistics.source, statistics.target, window, side)
    return np.clip(matched, 0, 1, dtype=np.float32)


class ColorSmoother:
    """Averages the footage's colour statistics over time, exponentially; call :meth:`reset` at a cut.

    The made face's own are left alone: whatever flickers in its colour is taken out frame by frame, while averaging
    them would let it through (measured: twice the flicker of no smoothing at all). A jump of the footage's brightness
    (a lamp, a flash) is followed at once: lagging behind the light would show more than any flicker.

    Args:
        time_constant: s; 0 switches it off.
    """

    BRIGHTNESS_JUMP = 0.05  # change of the mean, in grey levels 0..1, that is taken over whole

    def __init__(self, time_constant: float = 0.1) -> None:
        self._average = ExponentialAverage(time_constant)
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next statistics pass unchanged."""
        self._average.reset()
        self._level: Array | None = None
        self._method = ""

    @property
    def time_constant(self) -> float:
        """s; 0 switches it off."""
        return self._average.time_constant

    @time_constant.setter
    def time_constant(self, value: float) -> None:
        self._average.time_constant = value

    def __call__(self, statistics: ColorStatistics, time: Time | None = None) -> ColorStatistics:
        if statistics.method == "none":
            return statistics
        if statistics.method != self._method:
            self.reset()
        jump = 0.0 if self._level is None else float(np.abs(statistics.level - self._level).max())
        self._level, self._method = statistics.level, statistics.method
        target = self._average(statistics.target, time, min_weight=(jump / self.BRIGHTNESS_JUMP) ** 2)
        return ColorStatistics(statistics.method, statistics.source, target, statistics.level)


def check_method(method: str) -> None:
    """Refuse a method that there is not."""
    if method not in COLOR_METHODS:
        raise UsageError(f"no colour method {method!r}: choose one of {', '.join(COLOR_METHODS)}")


def _to_statistics_size(picture: Array) -> Array:
    side = picture.shape[0]
    if side == STATISTICS_SIZE:
        return picture
    interpolation = cv2.INTER_LINEAR if side < STATISTICS_SIZE else cv2.INTER_AREA
    return cv2.resize(picture, (STATISTICS_SIZE, STATISTICS_SIZE), interpolation=interpolation)


Measure = Callable[[Picture, Array], Array]
Apply = Callable[[Picture, Array, Array, CropWindow, int], Picture]


def _alike(apply: Callable[[Picture, Array, Array], Picture]) -> Apply:
    """A transfer that treats every place alike, wherever the window lies."""
    return lambda face, source, target, _window, _side: apply(face, source, target)


COLOR_METHODS: dict[str, tuple[Measure, Apply]] = {
    "none": (lambda picture, weight: np.zeros(0, np.float32), _alike(lambda face, source, target: face)),
    "reinhard": (color_global.measure_reinhard, _alike(color_global.apply_reinhard)),
    "histogram": (color_global.measure_histogram, _alike(color_global.apply_histogram)),
    "covariance": (color_global.measure_covariance, _alike(color_global.apply_covariance)),
    "local": (color_local.measure_shading_and_chroma, color_local.apply_shading_and_chroma),
}
