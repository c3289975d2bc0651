"""Talking heads: a portrait, or a few pictures of a person, and somebody else's motion make a video of that person.

Geometry first: the scene is bent into the driver's motion without any network; embedder, generator and discriminator
(arXiv 1905.08233) learn what geometry cannot give. May not be imported by, nor import, `swap`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from effigie.heads.controls import Controls
from effigie.heads.meta_settings import MetaSettings
from effigie.heads.settings import AnimateSettings

if TYPE_CHECKING:
    from effigie.heads.animation import AnimateReport, animate
    from effigie.heads.batch import animate_clips
    from effigie.heads.few_shot import TuneReport, TuneSettings, tune
    from effigie.heads.meta import MetaReport, meta_train
    from effigie.heads.model import load_heads
    from effigie.heads.motion import Motion, read_motion
    from effigie.heads.person import load_person
    from effigie.heads.template import load_motion, save_motion

__all__ = [
    "AnimateReport",
    "AnimateSettings",
    "Controls",
    "MetaReport",
    "MetaSettings",
    "Motion",
    "TuneReport",
    "TuneSettings",
    "animate",
    "animate_clips",
    "load_heads",
    "load_motion",
    "load_person",
    "meta_train",
    "read_motion",
    "save_motion",
    "tune",
]

# Imported at first use: torch takes seconds, and settings are read without it.
_HOMES = {
    "animate": "animation",
    "AnimateReport": "animation",
    "animate_clips": "batch",
    "meta_train": "meta",
    "MetaReport": "meta",
    "load_heads": "model",
    "load_person": "person",
    "tune": "few_shot",
    "TuneReport": "few_shot",
    "TuneSettings": "few_shot",
    "Motion": "motion",
    "read_motion": "motion",
    "load_motion": "template",
    "save_motion": "template",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'effigie.heads' has no attribute {name!r}")
    return getattr(importlib.import_module(f"effigie.heads.{_HOMES[name]}"), name)
