"""What of a face is to be seen: a small network that tells the face from whatever is in front of it.

Trained on faces over which occluders are painted (`occluders`), so that what covers is known to the pixel. Used by
conversion, where hands, hair, glasses and microphones have to stay in front. Knows nothing of who a face is, nor of
how another is made; may not import `swap` or `heads`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from effigie.occlusion.config import OcclusionSettings

if TYPE_CHECKING:
    from effigie.occlusion.checkpoint import load_occlusion
    from effigie.occlusion.predictor import Visibility
    from effigie.occlusion.trainer import OcclusionReport, train_occlusion

__all__ = ["OcclusionReport", "OcclusionSettings", "Visibility", "load_occlusion", "train_occlusion"]

# Imported at first use: torch takes seconds, and settings are read without it.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "predictor": ["Visibility"],
        "checkpoint": ["load_occlusion"],
        "trainer": ["OcclusionReport", "train_occlusion"],
    },
)
