"""Measuring what effigie makes: one metric a file, protocols that apply them, the bench that reruns it all.

A metric is pure arithmetic on arrays, with its unit and what fools it in its docstring; protocols read
clips and face sets. Everything may be imported here, and nothing but the command line imports this: no part
of the product may depend on how it is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from effigie.evaluate.protocols.heads_config import HeadsSettings
from effigie.evaluate.protocols.swap import EvaluateSettings, Swapped, evaluate_cast, evaluate_swap
from effigie.evaluate.report.scores import CastScores, SwapScores

if TYPE_CHECKING:
    from effigie.evaluate.protocols.heads import evaluate_heads
    from effigie.evaluate.report.heads_table import HeadsTable

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
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "protocols.heads": ["evaluate_heads"],
        "report.heads_table": ["HeadsTable"],
    },
)
