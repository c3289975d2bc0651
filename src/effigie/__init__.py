"""effigie: put a consenting person's face into video, and prove it.

Example::

    import effigie

    effigie.extract(["anna.mp4"], "anna.faces")
    effigie.extract(["ben.mp4"], "ben.faces")
    consent = effigie.trust.new_consent("Anna", ["anna.jpg"], ["swap"], basis="signed release")
    settings = effigie.swap.SwapSettings(minutes=10)
    effigie.swap.train("anna.faces", "ben.faces", "anna-in-ben", settings, consent=consent)
    effigie.convert("anna-in-ben", "ben.mp4", "out.mp4")
    print(effigie.verify("out.mp4").lines)
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# OpenMP's threads spin while they wait for each other. On a machine that does anything else at the same time, a
# training step then takes ten times as long; sleeping instead costs nothing measurable when it does not.
# Read when torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from effigie import heads, occlusion, swap, trust
    from effigie.cleaning import review
    from effigie.extraction import ExtractReport, ExtractSettings, extract
    from effigie.heads import AnimateReport, AnimateSettings, animate, animate_clips
    from effigie.scale.job import JobReport, JobSettings
    from effigie.swap import ConvertReport, ConvertSettings, convert_clips
    from effigie.swap import convert_clip as convert
    from effigie.swap import load_model as load
    from effigie.trust.verify import verify

__all__ = [
    "AnimateReport",
    "AnimateSettings",
    "ConvertReport",
    "ConvertSettings",
    "ExtractReport",
    "ExtractSettings",
    "JobReport",
    "JobSettings",
    "animate",
    "animate_clips",
    "convert",
    "convert_clips",
    "extract",
    "heads",
    "load",
    "occlusion",
    "review",
    "swap",
    "trust",
    "verify",
]

# Imported at first use: torch alone takes seconds, and most verbs do without it.
_HOMES = {
    "extract": ("effigie.extraction", "extract"),
    "ExtractSettings": ("effigie.extraction", "ExtractSettings"),
    "ExtractReport": ("effigie.extraction", "ExtractReport"),
    "review": ("effigie.cleaning", "review"),
    "convert": ("effigie.swap", "convert_clip"),
    "ConvertSettings": ("effigie.swap", "ConvertSettings"),
    "ConvertReport": ("effigie.swap", "ConvertReport"),
    "animate": ("effigie.heads", "animate"),
    "AnimateSettings": ("effigie.heads", "AnimateSettings"),
    "AnimateReport": ("effigie.heads", "AnimateReport"),
    "convert_clips": ("effigie.swap", "convert_clips"),
    "animate_clips": ("effigie.heads", "animate_clips"),
    "JobReport": ("effigie.scale.job", "JobReport"),
    "JobSettings": ("effigie.scale.job", "JobSettings"),
    "load": ("effigie.swap", "load_model"),
    "verify": ("effigie.trust.verify", "verify"),
}
_ROOMS = ("swap", "heads", "occlusion", "trust", "faceset", "media", "evaluate")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        room, attribute = _HOMES[name]
        value = getattr(importlib.import_module(room), attribute)
    elif name in _ROOMS:
        value = importlib.import_module(f"effigie.{name}")
    else:
        raise AttributeError(f"module 'effigie' has no attribute {name!r}")
    globals()[name] = value
    return value
