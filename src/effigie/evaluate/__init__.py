"""Measuring what effigie makes: one metric a file, protocols that apply them, the bench that reruns it all.

A metric is pure arithmetic on arrays, with its unit and what fools it in its docstring; protocols read
clips and face sets. Everything may be imported here, and nothing but the command line imports this: no part
of the product may depend on how it is measured.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from effigie.evaluate.heads_settings import HeadsSettings
from effigie.evaluate.scores import CastScores, SwapScores
from effigie.evaluate.swap import EvaluateSettings, Swapped, evaluate_cast, evaluate_swap

if TYPE_CHECKING:
    from effigie.evaluate.heads import evaluate_heads
    from effigie.evaluate.heads_table import HeadsTable

__all__ = [
    "CastScores",
    "EvaluateSettings",
    "HeadsSettings",
    "HeadsTable",
    "SwapScores",
    "Swapped",
    "evaluate_cast",
    "evaluate_heads",
    "evaluate_swap",
]

# Imported at first use: torch takes seconds.
_HOMES = {"evaluate_heads": "heads", "HeadsTable": "heads_table"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'effigie.evaluate' has no attribute {name!r}")
    return getattr(importlib.import_module(f"effigie.evaluate.{_HOMES[name]}"), name)
