"""Controls of how a portrait follows its driver."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from effigie.errors import UsageError

MotionRegion = Literal["all", "face", "mouth", "eyes"]
MOTION_REGIONS = ("all", "face", "mouth", "eyes")
MAX_STRENGTH = 2.0


@dataclass(frozen=True)
class Controls:
    """How strongly, and with which parts, a portrait follows its driver. Strengths go from 0 (still) over 1 to 2.

    Attributes:
        head: strength of turning, moving and coming nearer.
        expression: strength of the whole face; ``eyes`` and ``mouth`` are multiplied by it.
        eyes: strength of lids, gaze and brows.
        mouth: strength of lips, jaw and chin.
        region: what moves: ``all``; ``face`` (without the head's motion), ``mouth`` or ``eyes`` alone.
        relative: the head turns as the driver's head turns from its neutral frame. False: it takes the driver's own
            angles, for a portrait that is not meant to keep its own; the place in the picture stays relative.
        smoothing: seconds, standard deviation of additional smoothing over time; blinks soften above 0.03. 0 for none.
        ease: seconds in which the portrait takes up the motion, so that the start does not jump.
    """

    head: float = 1.0
    expression: float = 1.0
    eyes: float = 1.0
    mouth: float = 1.0
    region: MotionRegion = "all"
    relative: bool = field(default=True, metadata={"help": "Take the driver's own head angles, not their change."})
    smoothing: float = 0.0
    ease: float = 0.3

    def __post_init__(self) -> None:
        for name in ("head", "expression", "eyes", "mouth"):
            if not 0 <= getattr(self, name) <= MAX_STRENGTH:
                raise UsageError(f"{name} must be from 0 to {MAX_STRENGTH:g}, not {getattr(self, name)}")
        if self.region not in MOTION_REGIONS:
            raise UsageError(f"region must be one of {', '.join(MOTION_REGIONS)}, not {self.region!r}")
        for name in ("smoothing", "ease"):
            if not 0 <= getattr(self, name) <= 5:
                raise UsageError(f"{name} must be from 0 to 5 seconds, not {getattr(self, name)}")

    @property
    def head_strength(self) -> float:
        """Strength of the head's motion, the region counted in."""
        return self.head if self.region == "all" else 0.0

    @property
    def eye_strength(self) -> float:
        """Strength about the eyes."""
        return self.expression * self.eyes * (self.region != "mouth")

    @property
    def mouth_strength(self) -> float:
        """Strength about the mouth."""
        return self.expression * self.mouth * (self.region != "eyes")

    @property
    def rest_strength(self) -> float:
        """Strength between the two: nose and cheeks."""
        return self.expression * (self.region in ("all", "face"))
