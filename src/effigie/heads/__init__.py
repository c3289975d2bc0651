"""Talking heads: a portrait, or a few pictures of a person, and somebody else's motion make a video of that person.

Geometry first: the portrait is warped into the motion of the driver without any network; embedder, generator and
discriminator (arXiv 1905.08233) learn what geometry cannot give. May not be imported by, nor import, `swap`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from effigie._renamed import explain_renamed
from effigie.heads.config import AnimateSettings
from effigie.heads.meta_learning.config import MetaSettings
from effigie.heads.motion.control_template import ControlKey, ControlTemplate, load_template, save_template
from effigie.heads.motion.controls import Controls
from effigie.heads.motion.face_controls import FaceControls
from effigie.heads.speech.config import SpeechSettings

if TYPE_CHECKING:
    from effigie.heads.checkpoint import load_heads
    from effigie.heads.finetune.config import TuneSettings
    from effigie.heads.finetune.trainer import TuneReport, tune
    from effigie.heads.inference.animation import AnimateReport, animate
    from effigie.heads.inference.batch import animate_clips
    from effigie.heads.inference.portrait import read_rig
    from effigie.heads.meta_learning.trainer import MetaReport, meta_train
    from effigie.heads.motion.face_rig import FaceRig
    from effigie.heads.motion.motion import Motion, read_motion
    from effigie.heads.motion.puppet import build_motion
    from effigie.heads.motion.template import load_motion, save_motion
    from effigie.heads.person_checkpoint import load_person
    from effigie.heads.preview.preview import Preview, PreviewFrame

__all__ = [
    "AnimateReport",
    "AnimateSettings",
    "ControlKey",
    "ControlTemplate",
    "Controls",
    "FaceControls",
    "FaceRig",
    "MetaReport",
    "MetaSettings",
    "Motion",
    "Preview",
    "PreviewFrame",
    "SpeechSettings",
    "TuneReport",
    "TuneSettings",
    "animate",
    "animate_clips",
    "build_motion",
    "load_heads",
    "load_motion",
    "load_person",
    "load_template",
    "meta_train",
    "read_motion",
    "read_rig",
    "save_motion",
    "save_template",
    "tune",
]

# Imported at first use: torch takes seconds, and settings are read without it.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "inference.animation": ["AnimateReport", "animate"],
        "inference.batch": ["animate_clips"],
        "meta_learning.trainer": ["MetaReport", "meta_train"],
        "checkpoint": ["load_heads"],
        "person_checkpoint": ["load_person"],
        "finetune.config": ["TuneSettings"],
        "finetune.trainer": ["TuneReport", "tune"],
        "inference.portrait": ["read_rig"],
        "motion.face_rig": ["FaceRig"],
        "motion.motion": ["Motion", "read_motion"],
        "motion.puppet": ["build_motion"],
        "motion.template": ["load_motion", "save_motion"],
        "preview.preview": ["Preview", "PreviewFrame"],
    },
)
__getattr__ = explain_renamed(__name__, __getattr__)
