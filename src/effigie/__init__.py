"""effigie: put a consenting person's face into video, and prove it.

Example::

    import effigie

    effigie.extract(["anna.mp4"], "anna.faces")
    effigie.extract(["ben.mp4"], "ben.faces")
    consent = effigie.consent.new_consent("Anna", ["anna.jpg"], ["swap"], basis="signed release")
    settings = effigie.SwapSettings(minutes=10)
    effigie.train("anna.faces", "ben.faces", "anna-in-ben", settings, consent=consent)
    effigie.convert("anna-in-ben", "ben.mp4", "out.mp4")
    print(effigie.verify("out.mp4").lines)
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import lazy_loader

from effigie import _renamed
from effigie._version import __version__ as __version__

# OpenMP's threads spin while they wait for each other. On a machine that does anything else at the same time, a
# training step then takes ten times as long; sleeping instead costs nothing measurable when it does not.
# Read when torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

logging.getLogger(__name__).addHandler(logging.NullHandler())

if TYPE_CHECKING:
    from effigie import consent, dubbing, evaluate, faceset, heads, media, occlusion, provenance, speech, swap, voice
    from effigie.dubbing import DubReport, DubSettings, dub
    from effigie.execution.job import JobReport, JobSettings
    from effigie.extraction import ExtractReport, ExtractSettings, extract
    from effigie.faceset.review import review
    from effigie.heads import (
        AnimateReport,
        AnimateSettings,
        MetaReport,
        MetaSettings,
        TuneReport,
        TuneSettings,
        animate,
        animate_clips,
        meta_train,
        tune,
    )
    from effigie.media import OutputPlan
    from effigie.provenance import TrustSettings, verify
    from effigie.swap import (
        ConvertReport,
        ConvertSettings,
        PretrainReport,
        PretrainSettings,
        SwapClipReport,
        SwapSettings,
        TrainReport,
        convert,
        convert_clips,
        load_swap,
        pretrain,
        swap_clip,
        train,
    )
    from effigie.voice import LearnSettings, SpeakSettings, VoiceConvertSettings

__all__ = [
    "AnimateReport",
    "AnimateSettings",
    "ConvertReport",
    "ConvertSettings",
    "DubReport",
    "DubSettings",
    "ExtractReport",
    "ExtractSettings",
    "JobReport",
    "JobSettings",
    "LearnSettings",
    "MetaReport",
    "MetaSettings",
    "OutputPlan",
    "PretrainReport",
    "PretrainSettings",
    "SpeakSettings",
    "SwapClipReport",
    "SwapSettings",
    "TrainReport",
    "TrustSettings",
    "TuneReport",
    "TuneSettings",
    "VoiceConvertSettings",
    "animate",
    "animate_clips",
    "consent",
    "convert",
    "convert_clips",
    "dub",
    "dubbing",
    "evaluate",
    "extract",
    "faceset",
    "heads",
    "load_swap",
    "media",
    "meta_train",
    "occlusion",
    "pretrain",
    "provenance",
    "review",
    "speech",
    "swap",
    "swap_clip",
    "train",
    "tune",
    "verify",
    "voice",
]

# Imported at first use: torch alone takes seconds, and most verbs do without it.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submodules=[
        "consent",
        "dubbing",
        "evaluate",
        "faceset",
        "heads",
        "media",
        "occlusion",
        "provenance",
        "speech",
        "swap",
        "voice",
    ],
    submod_attrs={
        "dubbing": ["DubReport", "DubSettings", "dub"],
        "execution.job": ["JobReport", "JobSettings"],
        "extraction": ["ExtractReport", "ExtractSettings", "extract"],
        "faceset.review": ["review"],
        "heads": [
            "AnimateReport",
            "AnimateSettings",
            "MetaReport",
            "MetaSettings",
            "TuneReport",
            "TuneSettings",
            "animate",
            "animate_clips",
            "meta_train",
            "tune",
        ],
        "media": ["OutputPlan"],
        "provenance": ["TrustSettings", "verify"],
        "swap": [
            "ConvertReport",
            "ConvertSettings",
            "PretrainReport",
            "PretrainSettings",
            "SwapClipReport",
            "SwapSettings",
            "TrainReport",
            "convert",
            "convert_clips",
            "load_swap",
            "pretrain",
            "swap_clip",
            "train",
        ],
        "voice": ["LearnSettings", "SpeakSettings", "VoiceConvertSettings"],
    },
)
__getattr__ = _renamed.explain_renamed(__name__, __getattr__)
_renamed.install()
