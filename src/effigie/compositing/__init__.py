"""Putting a made face back into a frame so that nobody sees the seam: colour, mask, grain, blend, paste.

Both the swap and the heads use this room. It works on NumPy pictures (RGB) and affine matrices alone; how a
face was made, networks, detectors, files and clips may not enter.
"""

from effigie.compositing.blend import BLENDS, blend
from effigie.compositing.color import COLORS, ColorSmoother, ColorStatistics, transfer
from effigie.compositing.compositor import ComposeSettings, Compositor
from effigie.compositing.grain import GrainSettings, match_grain
from effigie.compositing.mask import MaskSettings, build_mask
from effigie.compositing.region import Region
from effigie.compositing.smoothing import OneEuro, WindowedSmoother, smooth_series
from effigie.compositing.temporal import MotionCompensated

__all__ = [
    "BLENDS",
    "COLORS",
    "ColorSmoother",
    "ColorStatistics",
    "ComposeSettings",
    "Compositor",
    "GrainSettings",
    "MaskSettings",
    "MotionCompensated",
    "OneEuro",
    "Region",
    "WindowedSmoother",
    "blend",
    "build_mask",
    "match_grain",
    "smooth_series",
    "transfer",
]
