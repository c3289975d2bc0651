"""What of a face is to be seen: a small network that tells the face from whatever is in front of it.

Trained on faces over which occluders are painted (`occluders`), so that what covers is known to the pixel. Used by
conversion, where hands, hair, glasses and microphones have to stay in front. Knows nothing of who a face is, nor of
how another is made; may not import `swap` or `heads`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from effigie.occlusion.settings import OcclusionSettings

if TYPE_CHECKING:
    from effigie.occlusion.mask import Visibility
    from effigie.occlusion.model import load_occlusion
    from effigie.occlusion.train import OcclusionReport, train_occlusion

__all__ = ["OcclusionReport", "OcclusionSettings", "Visibility", "load_occlusion", "train_occlusion"]

# Imported at first use: torch takes seconds, and settings are read without it.
_HOMES = {
    "Visibility": "mask",
    "load_occlusion": "model",
    "train_occlusion": "train",
    "OcclusionReport": "train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'effigie.occlusion' has no attribute {name!r}")
    return getattr(importlib.import_module(f"effigie.occlusion.{_HOMES[name]}"), name)
