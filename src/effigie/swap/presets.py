"""Presets of a swap: the sizes of its networks."""

from __future__ import annotations

from dataclasses import dataclass

from effigie.errors import UsageError


@dataclass(frozen=True)
class SwapPreset:
    """One size of network.

    Attributes:
        size: side of the networks' pictures in pixels.
        width: channels at a quarter of the size; the widest layers have four times as many.
        depth: residual blocks at a quarter of the size in the decoder.
        stem: side of the blocks of pixels that become channels at the entrance; arithmetic is cheapest at low
            resolution with many channels (2 CPU cores: 420 GFLOP/s at 32x32 against 75 at 128x128).
        batch: pictures a step, both people together.
    """

    size: int
    width: int
    depth: int
    stem: int
    batch: int


PRESETS = {
    "tiny": SwapPreset(size=128, width=64, depth=2, stem=4, batch=16),
    "base": SwapPreset(size=256, width=96, depth=3, stem=4, batch=16),
    "large": SwapPreset(size=384, width=128, depth=4, stem=4, batch=8),
}


def get_preset(name: str) -> SwapPreset:
    """The preset of this name."""
    try:
        return PRESETS[name]
    except KeyError:
        raise UsageError(f"no preset named {name!r}: choose one of {', '.join(PRESETS)}") from None
