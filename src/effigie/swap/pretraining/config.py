"""Settings of pretraining a swap network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from effigie.errors import UsageError
from effigie.swap.presets import get_preset


@dataclass(frozen=True)
class PretrainSettings:
    """Settings of :func:`effigie.pretrain`.

    Attributes:
        preset: ``tiny`` (128 px, for CPUs), ``base`` (256) or ``large`` (384).
        minutes: how long to train; without it and ``steps``, until the error on people held out stops improving.
        steps: how many steps to train in all.
        batch: pictures a step; None takes the preset's.
        learning_rate: of Adam.
        held_out: share of the people kept out of training, for the curve.
        device: torch device; ``auto`` takes CUDA, then MPS, then the CPU.
        precision: ``auto``, ``fp32`` or ``bf16``.
        seed: of every random choice.
    """

    preset: Literal["tiny", "base", "large"] = "tiny"
    minutes: float | None = None
    steps: int | None = None
    batch: int | None = None
    learning_rate: float = 5e-4
    held_out: float = 0.05
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        get_preset(self.preset)
        for name in ("minutes", "learning_rate"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"{name} must be above 0, not {value}")
        for name in ("steps", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be 1 or more, not {value}")
        if not 0 < self.held_out <= 0.5:
            raise UsageError(f"held_out must be above 0 and at most 0.5, not {self.held_out}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise UsageError(f"precision must be auto, fp32 or bf16, not {self.precision!r}")

    @property
    def examples(self) -> int:
        """Pictures a step."""
        return self.batch or get_preset(self.preset).batch
