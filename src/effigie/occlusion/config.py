"""Settings of occlusion training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from effigie.errors import UsageError


@dataclass(frozen=True)
class OcclusionSettings:
    """Settings of :func:`effigie.occlusion.train_occlusion`.

    Attributes:
        minutes: how long to train; without it and ``steps``, until the held-out error stops improving.
        steps: how many steps to train in all.
        batch: pictures a step.
        learning_rate: of Adam.
        held_out: share of the clips and pictures that are never trained on, for the curve.
        device: torch device; ``auto`` takes CUDA, then MPS, then the CPU.
        precision: ``auto``, ``fp32`` or ``bf16``.
        threads: of torch on the CPU; None takes its own choice.
        seed: of every random choice.
    """

    minutes: float | None = None
    steps: int | None = None
    batch: int = 16
    learning_rate: float = 2e-3
    held_out: float = 0.05
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("minutes", "steps", "batch", "learning_rate", "threads"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"{name} must be above 0, not {value}")
        if not 0 < self.held_out <= 0.5:
            raise UsageError(f"held_out must be above 0 and at most 0.5, not {self.held_out}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise UsageError(f"precision must be auto, fp32 or bf16, not {self.precision!r}")
