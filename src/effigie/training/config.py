"""Settings of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from effigie.errors import UsageError


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of :func:`effigie.training.train`; what comes first of ``minutes`` and ``steps`` ends it.

    With neither, and without ``patience``, training goes on until it is cancelled.

    Raises:
        UsageError: a value is out of range.
    """

    minutes: float | None = 30.0
    """Minutes this call may take, evaluations and previews included; None for no limit."""
    steps: int | None = None
    """Optimiser steps in total, those of earlier calls on the same folder included; None for no limit."""
    patience: int | None = None
    """Stop after this many evaluations without an improvement of the held-out error; None to never do so."""
    learning_rate: float = 2e-4
    """Step size of AdamW after the warm-up, for groups that do not bring their own."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay of AdamW's two running moments."""
    weight_decay: float = 0.0
    """Decoupled weight decay of AdamW."""
    warm_up_steps: int = 100
    """Steps over which the learning rate rises linearly from zero."""
    clip_gradient: float | None = 1.0
    """Largest L2 norm of all gradients together; None to leave them as they are."""
    ema_decay: float = 0.999
    """Decay a step of the averaged weights, which are what is evaluated and exported; ramped up from 0.1."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the forward pass; auto takes bf16 where the hardware is faster at it."""
    device: str = "auto"
    """A torch device such as cpu, cuda or cuda:1; auto takes CUDA, then MPS, then the CPU."""
    threads: int | None = None
    """CPU threads for torch; None leaves its own choice."""
    evaluate_every_s: float = 60.0
    """Seconds between evaluations on held-out data."""
    evaluate_every_steps: int | None = None
    """Steps between evaluations; replaces ``evaluate_every_s`` when given."""
    preview_every_s: float = 60.0
    """Seconds between preview pictures."""
    checkpoint_every_s: float = 60.0
    """Seconds between checkpoints, the most that a crash can lose; 0 saves after every step."""
    keep: int = 2
    """Checkpoints kept; with two, a damaged newest one still leaves another."""
    max_rollbacks: int = 5
    """Roll-backs in a row after which training that keeps failing numerically gives up."""
    keep_best: bool = False
    """Export the weights of the lowest held-out error, not the newest: not where an adversary goes on making pictures
    better that the error calls worse."""
    start_counts: bool = False
    """Whether weights as they were before the first step may be the best: where training begins with trained ones."""
    tensorboard: bool = True
    """Also write scalars for TensorBoard, under ``training/tensorboard``."""
    seed: int = 0
    """Seed of batches and of random numbers inside losses."""

    def __post_init__(self) -> None:
        for name in ("minutes", "steps", "patience", "threads", "evaluate_every_steps", "clip_gradient"):
            value = getattr(self, name)
            _require(value is None or value > 0, name, value, "above 0, or None")
        for name in ("learning_rate", "keep", "max_rollbacks"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        for name in ("warm_up_steps", "weight_decay", "evaluate_every_s", "preview_every_s", "checkpoint_every_s"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        _require(self.seed >= 0, "seed", self.seed, "0 or more")
        _require(0 <= self.ema_decay < 1, "ema_decay", self.ema_decay, "at least 0 and below 1")
        in_range = len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)
        _require(in_range, "betas", self.betas, "two numbers, each at least 0 and below 1")
        _require(self.precision in ("auto", "fp32", "bf16"), "precision", self.precision, "auto, fp32 or bf16")


def _require(holds: bool, name: str, value: object, requirement: str) -> None:
    if not holds:
        raise UsageError(f"{name} is {value!r}; it must be {requirement}")
