"""Summary of a run by its held-out curve: error, the parts that still improve, plateau and forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from effigie.training.monitor.curve import PART_PREFIX, CurvePoint
from effigie.training.monitor.forecast import Forecast, forecast
from effigie.training.monitor.plateau import Plateau, default_window, detect_plateau


@dataclass(frozen=True)
class PartProgress:
    """Progress of one part of the held-out error, such as a region's.

    Attributes:
        error: the newest.
        improving: whether it still falls; None while it is too early to tell.
    """

    error: float
    improving: bool | None


@dataclass(frozen=True)
class ProgressSummary:
    """Progress of a run according to its evaluations so far.

    Attributes:
        error: the newest held-out error; None before the first evaluation.
        parts: by name.
        plateau: of the total error.
        forecast: how long until it will have fallen by another percent; knows nothing of a curve that has stopped
            improving but that none is in sight.
    """

    error: float | None
    parts: dict[str, PartProgress]
    plateau: Plateau
    forecast: Forecast

    def __str__(self) -> str:
        if self.error is None:
            return ""
        sentences = [
            f"held-out error {self.error:.4g}{format_parts(self.parts)}",
            str(self.plateau),
            str(self.forecast),
        ]
        return ", ".join(filter(None, sentences))


def progress_summary(
    held_out: Sequence[CurvePoint], patience: int | None = None, first: int = 1
) -> ProgressSummary:
    """Summarise the rows with a held-out error.

    Args:
        held_out: :attr:`effigie.training.monitor.curve.Curve.held_out`.
        patience: evaluations that must bring an improvement; None takes that of :func:`default_window`.
        first: step from which evaluations count. A prior alone, before the first step, may be better for a while
            than what learns to improve on it: beside it training would seem to have stopped at once.
    """
    evaluations = [point for point in held_out if point.step >= first]
    total = _detect_plateau(evaluations, "held_out_error", patience)
    outlook = Forecast(is_expected=False)
    if total.improving:
        errors = [point.values["held_out_error"] for point in evaluations]
        outlook = forecast([point.seconds for point in evaluations], errors)
    parts = {}
    newest = held_out[-1].values if held_out else {}
    for name in (name for name in newest if name.startswith(PART_PREFIX)):
        part_plateau = _detect_plateau(evaluations, name, patience)
        is_decided = not part_plateau.improving or len(evaluations) > (
            patience or default_window(len(evaluations))
        )
        parts[name.removeprefix(PART_PREFIX)] = PartProgress(
            newest[name], part_plateau.improving if is_decided else None
        )
    return ProgressSummary(newest.get("held_out_error"), parts, total, outlook)


def format_parts(parts: dict[str, PartProgress]) -> str:
    """The parts in words: `` (eyes 0.12, mouth 0.15, skin 0.06; the mouth still improves)``; empty without parts."""
    if not parts:
        return ""
    figures = ", ".join(f"{name} {part.error:.2g}" for name, part in parts.items())
    improving = [name for name, part in parts.items() if part.improving]
    known = all(part.improving is not None for part in parts.values())
    if not known or not improving or len(improving) == len(parts):
        return f" ({figures})"
    verb = "improves" if len(improving) == 1 and not improving[0].endswith("s") else "improve"
    return f" ({figures}; the {' and the '.join(improving)} still {verb})"


def _detect_plateau(points: Sequence[CurvePoint], name: str, patience: int | None) -> Plateau:
    known = [point for point in points if name in point.values]
    return detect_plateau([point.step for point in known], [point.values[name] for point in known], patience)
