"""What `convert --fast` gives up for speed, all in one place."""

from __future__ import annotations

from dataclasses import replace

from effigie.compositing import ComposeSettings

FINEST = 0.75  # of a made face's side: bending it and all that is done to it before it lies in the frame costs half
MEASURED_EVERY = 3  # frames: sharpness changes with the face's distance and focus, not from frame to frame
COVERS_EVERY = 2  # frames: a crop follows the face, and a hand before it moves little from one to the next


def composed(settings: ComposeSettings) -> ComposeSettings:
    """Sharpness measured now and then."""
    every = max(settings.grain.every, MEASURED_EVERY)
    return replace(settings, grain=replace(settings.grain, every=every))
