"""Putting a made face back into a frame so that nobody sees the seam: colour, mask, grain, blend, paste.

Both the swap and the heads use this room. It works on NumPy pictures (RGB) and affine matrices alone; how a
face was made, networks, detectors, files and clips may not enter.
"""

from effigie.compose.blend import BLENDS, blend
from effigie.compose.calm import MotionCompensated
from effigie.compose.colour import COLOURS, ColourSmoother, ColourStatistics, transfer
from effigie.compose.grain import GrainSettings, match_grain
from effigie.compose.mask import MaskSettings, build_mask
from effigie.compose.paste import ComposeSettings, Compositor
from effigie.compose.region import Region
from effigie.compose.smooth import OneEuro, WindowedSmoother, smooth_series

__all__ = [
    "BLENDS",
    "COLOURS",
    "ColourSmoother",
    "ColourStatistics",
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
