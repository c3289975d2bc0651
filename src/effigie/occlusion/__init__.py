"""Occlusion: a small network that segments the visible face from whatever is in front of it.

Trained on faces over which occluders are painted (`occluders`), so that what covers is known to the pixel. Used by
conversion, where hands, hair, glasses and microphones have to stay in front. Knows nothing of who a face is, nor of
how another is made; may not import `swap` or `heads`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from effigie._renamed import explain_renamed
from effigie.occlusion.config import OcclusionSettings

if TYPE_CHECKING:
    from effigie.occlusion.checkpoint import load_occlusion
    from effigie.occlusion.predictor import VisibilityPredictor
    from effigie.occlusion.trainer import OcclusionReport, train_occlusion

__all__ = ["OcclusionReport", "OcclusionSettings", "VisibilityPredictor", "load_occlusion", "train_occlusion"]

# Imported at first use: torch takes seconds, and settings are read without it.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "predictor": ["VisibilityPredictor"],
        "checkpoint": ["load_occlusion"],
        "trainer": ["OcclusionReport", "train_occlusion"],
    },
)
__getattr__ = explain_renamed(__name__, __getattr__)
