"""Composes a made face into a frame without a visible seam: colour, mask, grain, blend, paste.

Both the swap and the heads use this room. It works on NumPy pictures (RGB) and affine matrices alone; how a
face was made, networks, detectors, files and clips may not enter.
"""

from effigie.compositing.blend import BLEND_METHODS, blend
from effigie.compositing.color import COLOR_METHODS, ColorSmoother, ColorStatistics, transfer_color
from effigie.compositing.compositor import Compositor
from effigie.compositing.config import ComposeSettings
from effigie.compositing.grain import GrainSettings
from effigie.compositing.mask import MaskSettings, build_mask
from effigie.compositing.region import Region
from effigie.compositing.temporal import MotionCompensatedFilter

__all__ = [
    "BLEND_METHODS",
    "COLOR_METHODS",
    "ColorSmoother",
    "ColorStatistics",
    "ComposeSettings",
    "Compositor",
    "GrainSettings",
    "MaskSettings",
    "MotionCompensatedFilter",
    "Region",
    "blend",
    "build_mask",
    "transfer_color",
]
