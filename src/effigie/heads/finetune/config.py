"""Settings of fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2
from typing import TYPE_CHECKING, Literal

from effigie.errors import UsageError
from effigie.heads.meta_learning.config import BATCH_SIZE, CONTENT_LOSSES
from effigie.io.stored_names import STORED_NAME

if TYPE_CHECKING:
    from effigie.training import TrainingSettings

LEARNING_RATE = 1e-4
MAX_SHOTS = 32
PATIENCE = 4  # evaluations without gain after which tuning ends
EVALUATION_INTERVAL = 15  # steps between two evaluations


@dataclass(frozen=True)
class TuneSettings:
    """Settings of :func:`effigie.heads.tune`.

    Attributes:
        shots: most pictures taken of each clip or face set (T), at most 32 in all.
        steps: how many steps to train; None takes 125 for one picture to 230 for 32, as the paper's authors do.
        minutes: how long to train at most; None sets no limit.
        batch: examples a step; None takes half of what the preset is meta-trained with: one person, few pictures.
        person: which face of a picture, by size (0 = the largest), or which person of a face set; None takes the
            only one.
        content: the content loss: ``light``, ``full`` or ``none``.
        device: torch device; ``auto`` takes CUDA, then MPS, then the CPU.
        precision: ``auto``, ``fp32`` or ``bf16``.
        seed: of every random choice.
    """

    shots: int = 8
    steps: int | None = None
    minutes: float | None = None
    batch: int | None = None
    person: int | None = field(default=None, metadata={STORED_NAME: "who"})
    content: Literal["light", "full", "none"] = "light"
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.shots <= MAX_SHOTS:
            raise UsageError(f"shots must be from 1 to {MAX_SHOTS}, not {self.shots}")
        for name in ("steps", "batch"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise UsageError(f"{name} must be 1 or more, not {value}")
        if self.minutes is not None and self.minutes <= 0:
            raise UsageError(f"minutes must be above 0, not {self.minutes}")
        if self.person is not None and self.person < 0:
            raise UsageError(f"person must be 0 or more, not {self.person}")
        if self.content not in CONTENT_LOSSES:
            raise UsageError(f"content must be one of {', '.join(CONTENT_LOSSES)}, not {self.content!r}")

    def steps_for(self, count: int) -> int:
        """Steps for ``count`` pictures."""
        return self.steps or round(125 + 21 * log2(count))

    def examples(self, preset: str) -> int:
        """Examples a step."""
        return self.batch or BATCH_SIZE[preset] // 2

    def training(self, count: int) -> TrainingSettings:
        """The settings of the training loop for ``count`` pictures."""
        from effigie.training import TrainingSettings

        return TrainingSettings(
            minutes=self.minutes,
            steps=self.steps_for(count),
            patience=PATIENCE,
            learning_rate=LEARNING_RATE,
            betas=(0.0, 0.999),
            warm_up_steps=10,
            clip_gradient=None,
            ema_decay=0.97,
            evaluate_every_steps=EVALUATION_INTERVAL,
            precision=self.precision,
            device=self.device,
            keep_best=True,
            start_counts=True,
            tensorboard=False,
            seed=self.seed,
        )
