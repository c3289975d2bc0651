"""A measured value with its bounds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

YES = "yes"  # the unit of what holds or does not


@dataclass(frozen=True)
class Figure:
    """One line of a table.

    With neither ``at_least`` nor ``at_most``, which must be reached, it only informs.
    """

    name: str
    value: float  # NaN where there was nothing to measure, which reaches nothing
    unit: str = ""  # empty for a ratio or a count, YES for what holds (1) or does not (0)
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_reached(self) -> bool | None:
        """Whether the bounds hold; None without bounds."""
        if self.at_least is None and self.at_most is None:
            return None
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return bool(low <= self.value <= high)  # NumPy's own bool is none that JSON knows

    @property
    def value_text(self) -> str:
        if self.unit == YES:
            return "yes" if self.value else "no"
        if math.isnan(self.value):
            return "nothing to measure"
        if math.isinf(self.value):
            return "identical" if self.unit == "dB" else "infinite"
        digits = f"{self.value:.0f}" if abs(self.value) >= 1000 else f"{self.value:.3g}"
        return f"{digits} {self.unit}".strip()

    @property
    def bounds_text(self) -> str:
        if self.unit == YES:
            return "yes"
        if self.at_least is not None and self.at_most is not None:
            if self.at_least == self.at_most:
                return f"{self.at_least:g} {self.unit}".strip()
            return f"{self.at_least:g} to {self.at_most:g} {self.unit}".strip()
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {self.unit}".strip()
        return f"≤ {self.at_most:g} {self.unit}".strip() if self.at_most is not None else ""

    def to_json(self) -> dict[str, Any]:
        """JSON values; what is not finite becomes a string, which JSON can hold."""
        values = asdict(self)
        if not math.isfinite(self.value):
            values["value"] = str(self.value)
        return values | {"reached": self.is_reached}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Figure:
        labels = {key: values[key] for key in ("name", "unit", "at_least", "at_most")}
        return cls(value=float(values["value"]), **labels)


def yes_no_figure(name: str, holds: bool) -> Figure:
    """A figure for something that must hold: 1 where it does, else 0."""
    return Figure(name, float(holds), YES, at_least=1)


def mean_figure(figures: list[Figure], weights: list[int]) -> Figure:
    """One figure for several: the weighted mean; of what must hold, whether it holds in all."""
    values = [figure.value for figure in figures]
    if figures[0].unit == YES:
        return replace(figures[0], value=min(values))
    finite = [(value, weight) for value, weight in zip(values, weights, strict=True) if not math.isnan(value)]
    if not finite:
        return figures[0]
    total = sum(value * weight for value, weight in finite) / sum(weight for _, weight in finite)
    return replace(figures[0], value=total)
