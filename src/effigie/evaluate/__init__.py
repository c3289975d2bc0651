"""Evaluation of swaps and talking heads: metrics, protocols that apply them, and reports.

A metric is pure arithmetic on arrays, with its unit and what fools it in its docstring; protocols read
clips and face sets. Everything may be imported here, and nothing but the command line imports this: no part
of the product may depend on how it is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from effigie._renamed import explain_renamed
from effigie.evaluate.protocols.heads_config import HeadsSettings
from effigie.evaluate.protocols.swap import EvaluateSettings, SwappedPerson, evaluate_people, evaluate_swap
from effigie.evaluate.report.scores import PeopleScores, SwapScores

if TYPE_CHECKING:
    from effigie.evaluate.protocols.dubbing import evaluate_dub
    from effigie.evaluate.protocols.heads import evaluate_heads
    from effigie.evaluate.protocols.speech import evaluate_speech
    from effigie.evaluate.report.dub_table import DubScores
    from effigie.evaluate.report.heads_table import HeadsTable
    from effigie.evaluate.report.speech_table import SpeechScores

__all__ = [
    "DubScores",
    "EvaluateSettings",
    "HeadsSettings",
    "HeadsTable",
    "PeopleScores",
    "SpeechScores",
    "SwapScores",
    "SwappedPerson",
    "evaluate_dub",
    "evaluate_heads",
    "evaluate_people",
    "evaluate_speech",
    "evaluate_swap",
]

# Imported at first use: torch takes seconds.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "protocols.dubbing": ["evaluate_dub"],
        "protocols.heads": ["evaluate_heads"],
        "protocols.speech": ["evaluate_speech"],
        "report.dub_table": ["DubScores"],
        "report.heads_table": ["HeadsTable"],
        "report.speech_table": ["SpeechScores"],
    },
)
__getattr__ = explain_renamed(__name__, __getattr__)
