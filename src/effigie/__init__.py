"""effigie: put a consenting person's face into video, and prove it.

Example::

    import effigie

    effigie.extract(["anna.mp4"], "anna.faces")
    effigie.extract(["ben.mp4"], "ben.faces")
    effigie.swap.train("anna.faces", "ben.faces", "anna-in-ben", effigie.swap.SwapSettings(minutes=10))
    effigie.convert("anna-in-ben", "ben.mp4", "out.mp4")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from effigie import swap
    from effigie.extract import ExtractReport, ExtractSettings, extract

__all__ = ["ExtractReport", "ExtractSettings", "extract", "swap"]

# Imported at first use: torch alone takes seconds, and most verbs do without it.
_HOMES = {"extract": "effigie.extract", "ExtractSettings": "effigie.extract", "ExtractReport": "effigie.extract"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in ("swap", "faceset", "media"):
        value = importlib.import_module(f"effigie.{name}")
    else:
        raise AttributeError(f"module 'effigie' has no attribute {name!r}")
    globals()[name] = value
    return value
