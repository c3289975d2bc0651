"""Settings of meta-learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from effigie.errors import UsageError
from effigie.heads.presets import preset

PRIORS = ("mesh", "none")
CONTENT_LOSSES = ("light", "full", "none")
BATCH_SIZE = {"pico": 12, "nano": 12, "base": 8, "paper": 8}
SHOTS = {"pico": 2, "nano": 2, "base": 8, "paper": 8}
DISCRIMINATOR_LEARNING_RATE = {True: 5e-4, False: 2e-4}  # paired, the paper's
GENERATOR_LEARNING_RATE = {"pico": 3e-4, "nano": 3e-4, "base": 1e-4, "paper": 5e-5}


@dataclass(frozen=True)
class MetaSettings:
    """Settings of :func:`effigie.heads.meta_train`.

    Attributes:
        preset: ``nano`` (128 px, for CPUs), ``base`` (256), ``paper`` (256, exactly the paper's sizes) or ``pico``.
        prior: ``mesh`` gives the generator the warped shots as extra input; ``none`` is the paper's bare form.
        minutes: how long to train; without it and ``steps``, until the held-out error stops improving.
        steps: how many steps to train in all.
        batch: examples a step; None takes the preset's.
        shots: most pictures a person is embedded from (the paper's K); None takes the preset's (the paper: 8).
        learning_rate: of embedder and generator; None takes the preset's (the paper: 5e-5).
        content: ``full`` compares VGG16's five blocks at full size, ``light`` its first three at half the size, which
            is an eighth of the work; ``none`` leaves the content loss out.
        match: weight of the embedding match, which only tuning needs; 0 trains the paper's feed-forward variant.
        adversary: ``paired`` compares made and real of the same moment, ``hinge`` is the paper's, ``none`` leaves it
            out (a quarter less work; for a first stretch of training); None takes ``paired`` with a prior, where the
            two are nearly alike, and ``hinge`` without.
        held_out: share of the people kept out of training, for the curve.
        device: torch device; ``auto`` takes CUDA, then MPS, then the CPU.
        precision: ``auto``, ``fp32`` or ``bf16``.
        seed: of every random choice.
    """

    preset: Literal["pico", "nano", "base", "paper"] = "nano"
    prior: Literal["mesh", "none"] = "mesh"
    minutes: float | None = None
    steps: int | None = None
    batch: int | None = None
    shots: int | None = None
    learning_rate: float | None = None
    content: Literal["light", "full", "none"] = "light"
    match: float = 0.1
    adversary: Literal["paired", "hinge", "none"] | None = None
    held_out: float = 0.03
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        preset(self.preset)
        for name, choices in (("prior", PRIORS), ("content", CONTENT_LOSSES)):
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        for name in ("minutes", "learning_rate"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"{name} must be above 0, not {value}")
        for name in ("steps", "batch", "shots"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be 1 or more, not {value}")
        if self.adversary not in (None, "paired", "hinge", "none"):
            raise UsageError(f"adversary must be paired, hinge or none, not {self.adversary!r}")
        if self.match < 0:
            raise UsageError(f"match must be 0 or more, not {self.match}")
        if not 0 < self.held_out <= 0.5:
            raise UsageError(f"held_out must be above 0 and at most 0.5, not {self.held_out}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise UsageError(f"precision must be auto, fp32 or bf16, not {self.precision!r}")

    @property
    def examples(self) -> int:
        """Examples a step."""
        return self.batch or BATCH_SIZE[self.preset]

    @property
    def max_shots(self) -> int:
        """K, the most shots a person is embedded from."""
        return self.shots or SHOTS[self.preset]

    @property
    def paired(self) -> bool:
        """Whether the adversary compares pair by pair."""
        return (self.adversary or ("paired" if self.prior == "mesh" else "hinge")) == "paired"

    @property
    def discriminator_learning_rate(self) -> float:
        """Learning rate of the discriminator."""
        return DISCRIMINATOR_LEARNING_RATE[self.paired]

    @property
    def generator_learning_rate(self) -> float:
        """Learning rate of embedder and generator."""
        return self.learning_rate or GENERATOR_LEARNING_RATE[self.preset]
