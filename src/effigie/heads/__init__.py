"""Talking heads: a portrait, or a few pictures of a person, and somebody else's motion make a video of that person.

Geometry first: the scene is bent into the driver's motion without any network; embedder, generator and discriminator
(arXiv 1905.08233) learn what geometry cannot give. May not be imported by, nor import, `swap`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from effigie.heads.controls import Controls
from effigie.heads.settings import AnimateSettings

if TYPE_CHECKING:
    from effigie.heads.animation import AnimateReport, animate
    from effigie.heads.motion import Motion, read_motion
    from effigie.heads.template import load_motion, save_motion

__all__ = [
    "AnimateReport",
    "AnimateSettings",
    "Controls",
    "Motion",
    "animate",
    "load_motion",
    "read_motion",
    "save_motion",
]

# Imported at first use: torch takes seconds, and settings are read without it.
_HOMES = {
    "animate": "animation",
    "AnimateReport": "animation",
    "Motion": "motion",
    "read_motion": "motion",
    "load_motion": "template",
    "save_motion": "template",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'effigie.heads' has no attribute {name!r}")
    return getattr(importlib.import_module(f"effigie.heads.{_HOMES[name]}"), name)
