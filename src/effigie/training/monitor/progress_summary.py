"""Where a run stands by its held-out curve, for people: which parts still improve, and whether waiting is worth it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from effigie.training.monitor.curve import PART, CurvePoint
from effigie.training.monitor.forecast import Forecast, forecast
from effigie.training.monitor.plateau import Plateau, plateau, window_of


@dataclass(frozen=True)
class Part:
    """A part of the held-out error, such as a region's.

    Attributes:
        error: the newest.
        improving: whether it still falls; None while it is too early to tell.
    """

    error: float
    improving: bool | None


@dataclass(frozen=True)
class Standing:
    """What the evaluations so far say.

    Attributes:
        error: the newest held-out error; None before the first evaluation.
        parts: by name.
        plateau: of the whole error.
        ahead: how long until it will have fallen by another percent; knows nothing of a curve that has stopped
            improving but that none is in sight.
    """

    error: float | None
    parts: dict[str, Part]
    plateau: Plateau
    ahead: Forecast

    def __str__(self) -> str:
        if self.error is None:
            return ""
        said = [f"held-out error {self.error:.4g}{in_parts(self.parts)}", str(self.plateau), str(self.ahead)]
        return ", ".join(filter(None, said))


def standing(held_out: Sequence[CurvePoint], patience: int | None = None, first: int = 1) -> Standing:
    """Judge the rows with a held-out error.

    Args:
        held_out: :attr:`effigie.training.monitor.curve.Curve.held_out`.
        patience: evaluations that must bring an improvement; None as :func:`effigie.training.monitor.plateau.plateau`.
        first: step from which evaluations count. A prior alone, before the first step, may be better for a while
            than what learns to improve on it: beside it training would seem to have stopped at once.
    """
    counted = [point for point in held_out if point.step >= first]
    whole = _judged(counted, "held_out_error", patience)
    ahead = Forecast(in_sight=False)
    if whole.improving:
        errors = [point.values["held_out_error"] for point in counted]
        ahead = forecast([point.seconds for point in counted], errors)
    parts = {}
    newest = held_out[-1].values if held_out else {}
    for name in (name for name in newest if name.startswith(PART)):
        verdict = _judged(counted, name, patience)
        settled = not verdict.improving or len(counted) > (patience or window_of(len(counted)))
        parts[name.removeprefix(PART)] = Part(newest[name], verdict.improving if settled else None)
    return Standing(newest.get("held_out_error"), parts, whole, ahead)


def in_parts(parts: dict[str, Part]) -> str:
    """`` (eyes 0.12, mouth 0.15, skin 0.06; the mouth still improves)``, or nothing where there are none."""
    if not parts:
        return ""
    figures = ", ".join(f"{name} {part.error:.2g}" for name, part in parts.items())
    improving = [name for name, part in parts.items() if part.improving]
    known = all(part.improving is not None for part in parts.values())
    if not known or not improving or len(improving) == len(parts):
        return f" ({figures})"
    verb = "improves" if len(improving) == 1 and not improving[0].endswith("s") else "improve"
    return f" ({figures}; the {' and the '.join(improving)} still {verb})"


def _judged(points: Sequence[CurvePoint], name: str, patience: int | None) -> Plateau:
    known = [point for point in points if name in point.values]
    return plateau([point.step for point in known], [point.values[name] for point in known], patience)
