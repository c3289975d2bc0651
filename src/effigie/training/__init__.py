"""The training loop: budget, precision, checkpoints, averaged weights, numeric guard, previews, curves.

Everything that learns in effigie is a :class:`Task` handed to :func:`train`. What may not enter here: any
network, any loss, any knowledge of what a batch holds, and image code beyond writing previews and drawing the
curve.
"""

from typing import TYPE_CHECKING

from effigie._renamed import explain_renamed
from effigie.training.config import TrainingSettings
from effigie.training.device import choose_device, choose_precision
from effigie.training.export import export
from effigie.training.loop import StepReport, TrainingResult, train
from effigie.training.monitor.curve import CurvePoint, read_curve
from effigie.training.monitor.plot import plot_curve
from effigie.training.monitor.progress_summary import Plateau, detect_plateau
from effigie.training.task import Task

__all__ = [
    "CurvePoint",
    "Plateau",
    "StepReport",
    "Task",
    "TrainingResult",
    "TrainingSettings",
    "choose_device",
    "choose_precision",
    "detect_plateau",
    "export",
    "plot_curve",
    "read_curve",
    "train",
]

if not TYPE_CHECKING:
    __getattr__ = explain_renamed(__name__)
