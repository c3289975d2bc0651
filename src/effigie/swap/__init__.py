"""Face swap: learn two people, then put the source's face into the target's footage with the target's expressions.

Geometry first: for every target frame the source's nearest frames are warped into its geometry (`prior`), and the
networks add what geometry cannot show. May not be imported by, nor import, `heads`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from effigie._renamed import explain_renamed
from effigie.swap.config import ConvertSettings, SwapSettings
from effigie.swap.pretraining.config import PretrainSettings

if TYPE_CHECKING:
    from effigie.swap.checkpoint import SwapModel, load_swap
    from effigie.swap.geometry_model import build_swap
    from effigie.swap.inference.batch import convert_clips
    from effigie.swap.inference.conversion import ConvertReport
    from effigie.swap.inference.convert import convert
    from effigie.swap.inference.people.assignment import PersonAssignment
    from effigie.swap.inference.swap_clip import SwapClipReport, swap_clip
    from effigie.swap.pretraining.trainer import PretrainReport, pretrain
    from effigie.swap.preview.preview import Preview
    from effigie.swap.preview.preview_frame import PreviewFrame
    from effigie.swap.trainer import TrainReport, train

__all__ = [
    "ConvertReport",
    "ConvertSettings",
    "PersonAssignment",
    "PretrainReport",
    "PretrainSettings",
    "Preview",
    "PreviewFrame",
    "SwapClipReport",
    "SwapModel",
    "SwapSettings",
    "TrainReport",
    "build_swap",
    "convert",
    "convert_clips",
    "load_swap",
    "pretrain",
    "swap_clip",
    "train",
]

# Imported at first use: torch takes seconds, and settings are read without it.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "trainer": ["TrainReport", "train"],
        "checkpoint": ["SwapModel", "load_swap"],
        "inference.convert": ["convert"],
        "inference.conversion": ["ConvertReport"],
        "inference.people.assignment": ["PersonAssignment"],
        "inference.batch": ["convert_clips"],
        "geometry_model": ["build_swap"],
        "pretraining.trainer": ["PretrainReport", "pretrain"],
        "preview.preview": ["Preview"],
        "preview.preview_frame": ["PreviewFrame"],
        "inference.swap_clip": ["SwapClipReport", "swap_clip"],
    },
)
__getattr__ = explain_renamed(__name__, __getattr__)
