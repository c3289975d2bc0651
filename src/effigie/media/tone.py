"""The tone curve through which trackers and networks see HDR footage (PQ, HLG), and its inverse for what they made.

Faces up to half of diffuse white look as they would in SDR; from there a shoulder takes what is brighter up to
1000 cd/m² into the rest of the range. The curve acts on each of red, green and blue, so that it can be undone sample by
sample; primaries stay the footage's, to which the color transfer fits a made face anyway.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating[Any]]

DIFFUSE_WHITE = 203.0  # cd/m² (ITU-R BT.2408)
PEAK = 1000.0  # cd/m² that is shown as 1; what is brighter lies above 1, on the curve's straight continuation
SHOULDER = 0.5  # of diffuse white, in linear light, where the shoulder begins
DISPLAY_GAMMA = 2.4  # ITU-R BT.1886
_HLG_GAMMA = 1.2  # of a display of 1000 cd/m² (ITU-R BT.2100)
_HLG_WHITE = 0.75  # signal of diffuse white
_STEPS = 4096


class ToneCurve:
    """A strictly rising curve from the signal of an HDR transfer to an SDR signal, and back; both 0..1 and beyond.

    Attributes:
        white: SDR signal of diffuse white: as bright as a drawn label may be.
    """

    def __init__(self, transfer: str) -> None:
        signal = np.linspace(0, 1, _STEPS)
        self._display = _show(_to_light(signal, transfer))
        # Where the signal resolves less than nothing (PQ near black), the curve must still rise to have an inverse.
        self._display = np.maximum.accumulate(self._display) + np.arange(_STEPS) * 1e-9
        self._signal = signal
        peak = float(np.interp(1.0, self._display, signal))
        inside = self._display <= 1
        step = int(inside.sum()) - 1
        self._slope = float((self._display[step] - self._display[step - 8]) / (signal[step] - signal[step - 8]))
        self._signal, self._display = np.append(signal[inside], peak), np.append(self._display[inside], 1.0)
        self._peak = peak
        self.white = float(_show(np.ones(1))[0])

    def show(self, signal: Values) -> NDArray[np.float32]:
        """SDR values of any shape for those of the footage's signal."""
        display = np.interp(signal, self._signal, self._display)
        display += (np.maximum(signal - self._peak, 0) + np.minimum(signal, 0)) * self._slope
        return display.astype(np.float32)

    def restore(self, display: Values) -> NDArray[np.float32]:
        """The footage's signal for SDR values of any shape: the inverse of :meth:`show`."""
        signal = np.interp(display, self._display, self._signal)
        signal += (np.maximum(display - 1, 0) + np.minimum(display, 0)) / self._slope
        return signal.astype(np.float32)

    @functools.cache  # noqa: B019 (two curves, kept for good)
    def bytes_table(self, white: int = 65535) -> NDArray[np.uint8]:
        """(65536,) what is shown, in whole levels, of 16-bit values of which ``white`` is the greatest signal."""
        return np.rint(255 * np.clip(self.show(np.arange(65536) / white), 0, 1)).astype(np.uint8)

    @functools.cached_property
    def signal_table(self) -> NDArray[np.uint16]:
        """(256,) 16-bit full-range signal of what is shown."""
        return np.rint(65535 * np.clip(self.restore(np.arange(256) / 255), 0, 1)).astype(np.uint16)


@functools.cache
def find_tone_curve(transfer: str) -> ToneCurve | None:
    """The curve of a transfer by its H.273 name; None where it needs none."""
    return ToneCurve(transfer) if transfer in ("smpte2084", "arib-std-b67") else None


def _to_light(signal: Values, transfer: str) -> Values:
    """Light on a display, 1 being diffuse white, of signal values in 0..1."""
    if transfer == "smpte2084":
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = signal ** (1 / m2)
        return (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) * 10000 / DIFFUSE_WHITE
    a, b, c = 0.17883277, 0.28466892, 0.55991073

    def scene(value: Values) -> Values:
        return np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)

    return (scene(signal) / scene(np.array(_HLG_WHITE))) ** _HLG_GAMMA


def _show(light: Values) -> Values:
    """SDR signal of light in diffuse whites: a display's gamma up to the shoulder, which ends at the peak with 1."""
    room = 1 - SHOULDER
    excess, end = np.maximum(light - SHOULDER, 0) / room, (PEAK / DIFFUSE_WHITE - SHOULDER) / room
    bent = np.minimum(light, SHOULDER) + room * excess * (1 + excess / end**2) / (1 + excess)
    return np.asarray(bent ** (1 / DISPLAY_GAMMA))
