"""Measuring what effigie makes: one metric a file, protocols that apply them, the bench that reruns it all.

A metric is pure arithmetic on arrays, with its unit and what fools it in its docstring; protocols read
clips and face sets. Everything may be imported here, and nothing but the command line imports this: no part
of the product may depend on how it is measured.
"""

from effigie.evaluate.scores import SwapScores
from effigie.evaluate.swap import EvaluateSettings, evaluate_swap

__all__ = ["EvaluateSettings", "SwapScores", "evaluate_swap"]
