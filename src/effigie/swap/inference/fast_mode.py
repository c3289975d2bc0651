"""The settings of `convert --fast`: what it gives up for speed."""

from __future__ import annotations

from dataclasses import replace

from effigie.compositing import ComposeSettings

SIDE_SHARE = 0.75  # of a made face's side: warping it and all that is done to it before it lies in the frame costs half
GRAIN_INTERVAL = 3  # frames: sharpness changes with the face's distance and focus, not from frame to frame
VISIBILITY_INTERVAL = (
    2  # frames: a crop follows the face, and a hand before it moves little from one to the next
)


def use_fast_grain(settings: ComposeSettings) -> ComposeSettings:
    """The settings with sharpness and grain measured in every third frame."""
    interval = max(settings.grain.interval, GRAIN_INTERVAL)
    return replace(settings, grain=replace(settings.grain, interval=interval))
