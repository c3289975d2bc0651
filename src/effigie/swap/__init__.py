"""Face swap: learn two people, then put the source's face into the target's footage with the target's expressions.

Geometry first: for every target frame the source's nearest frames are bent into its geometry (`prior`), and the
networks add what geometry cannot reach. May not be imported by, nor import, `heads`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from effigie.swap.settings import ConvertSettings, SwapSettings

if TYPE_CHECKING:
    from effigie.swap.batch import convert_clips
    from effigie.swap.conversion import ConvertReport
    from effigie.swap.convert import convert_clip
    from effigie.swap.model import SwapModel, load_model
    from effigie.swap.roles import Role
    from effigie.swap.trainer import TrainReport, train

__all__ = [
    "ConvertReport",
    "ConvertSettings",
    "Role",
    "SwapModel",
    "SwapSettings",
    "TrainReport",
    "convert_clip",
    "convert_clips",
    "load_model",
    "train",
]

# Imported at first use: torch takes seconds, and settings are read without it.
_HOMES = {
    "train": "trainer",
    "TrainReport": "trainer",
    "load_model": "model",
    "SwapModel": "model",
    "convert_clip": "convert",
    "ConvertReport": "conversion",
    "Role": "roles",
    "convert_clips": "batch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'effigie.swap' has no attribute {name!r}")
    return getattr(importlib.import_module(f"effigie.swap.{_HOMES[name]}"), name)
