"""Summary of a run by its held-out curve: error, the parts that still improve, plateau and forecast."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from effigie.training.monitor.curve import PART_PREFIX, CurvePoint
from effigie.training.monitor.forecast import Forecast, forecast

WINDOW = 5
TOLERANCE = 0.01


@dataclass(frozen=True)
class Plateau:
    """Whether a held-out curve still improves."""

    improving: bool
    since: int | None
    """Step at which the error had all but reached its best, when it no longer improves."""

    def __str__(self) -> str:
        return "still improving" if self.improving else f"stopped improving at step {self.since}"


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


def progress_summary(held_out: Sequence[CurvePoint], patience: int | None = None, first: int = 1) -> ProgressSummary:
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
        is_decided = not part_plateau.improving or len(evaluations) > (patience or default_window(len(evaluations)))
        parts[name.removeprefix(PART_PREFIX)] = PartProgress(
            newest[name], part_plateau.improving if is_decided else None
        )
    return ProgressSummary(newest.get("held_out_error"), parts, total, outlook)


def default_window(count: int) -> int:
    """How many of ``count`` evaluations must bring an improvement; with no more than that it is too early to tell."""
    return max(WINDOW, count // 4)


def detect_plateau(
    steps: Sequence[int], errors: Sequence[float], window: int | None = None, tolerance: float = TOLERANCE
) -> Plateau:
    """Compare the best of the last ``window`` evaluations with the best of all before.

    A median of three removes single lucky or unlucky evaluations first, so that one low outlier does not hide
    a slow improvement behind it. Evaluations that are not finite are left out.

    Args:
        steps: ``(N,)`` step of each evaluation, rising.
        errors: ``(N,)`` held-out error of each, lower is better.
        window: evaluations that must bring an improvement; None takes the last quarter, at least 5: a long
            run is judged over a longer stretch, as progress slows and noise does not.
        tolerance: relative improvement that counts.
    """
    finite = [(step, error) for step, error in zip(steps, errors, strict=True) if math.isfinite(error)]
    window = window or default_window(len(finite))
    if len(finite) <= window:
        return Plateau(True, None)
    values = [error for _, error in finite]
    smooth = [
        statistics.median(values[i - 1 : i + 2]) if 0 < i < len(values) - 1 else values[i] for i in range(len(values))
    ]
    previous, recent = min(smooth[:-window]), min(smooth[-window:])
    if recent < previous - tolerance * abs(previous):
        return Plateau(True, None)
    best = min(previous, recent)
    plateau_start = next(i for i, value in enumerate(smooth) if value <= best + tolerance * abs(best))
    return Plateau(False, finite[plateau_start][0])


def format_parts(parts: dict[str, PartProgress]) -> str:
    """The parts in words: `` (eyes 0.12, mouth 0.15, skin 0.06; the mouth still improves)``; empty without parts."""
    if not parts:
        return ""
    figures = ", ".join(f"{name} {part.error:.2g}" for name, part in parts.items())
    improving = [name for name, part in parts.items() if part.improving]
    is_complete = all(part.improving is not None for part in parts.values())
    if not is_complete or not improving or len(improving) == len(parts):
        return f" ({figures})"
    verb = "improves" if len(improving) == 1 and not improving[0].endswith("s") else "improve"
    return f" ({figures}; the {' and the '.join(improving)} still {verb})"


def _detect_plateau(points: Sequence[CurvePoint], name: str, patience: int | None) -> Plateau:
    rows = [point for point in points if name in point.values]
    return detect_plateau([point.step for point in rows], [point.values[name] for point in rows], patience)
