"""Small tasks for the training loop: a regression that it can overfit, and ways to make it fail."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.training.data.sample_key import SampleKey


class Regression:
    """Learns ``y = 2x - 1`` with a small network, noise in the data and dropout in the loss (both seeded)."""

    examples, parts = 32, 8
    norm: type[nn.Module] = nn.BatchNorm1d

    def __init__(self, width: int = 8, noise: float = 0.0, dropout: float = 0.0) -> None:
        torch.manual_seed(7)
        self.body = nn.Sequential(nn.Linear(1, width), nn.Tanh(), self.norm(width))
        self.head = nn.Linear(width, 1)
        self.noise, self.dropout = noise, dropout
        self.batches = 0

    def networks(self) -> Mapping[str, nn.Module]:
        return {"body": self.body, "head": self.head}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": self.body.parameters()}, {"params": self.head.parameters(), "lr": 2e-2}]

    def batch(self, sample_keys: Sequence[SampleKey]) -> Any:
        self.batches += 1
        parts = []
        for sample_key in sample_keys:
            random = sample_key.random()
            # One x in each of 32 strata: batch norm takes the mean away, so it must not differ between batches.
            x = (4 * sample_key.number + np.arange(4)[:, None] + random.random((4, 1))) / 16 - 1
            parts.append((x, 2 * x - 1 + self.noise * random.standard_normal((4, 1))))
        x, y = (np.concatenate(values).astype(np.float32) for values in zip(*parts, strict=True))
        return {"x": x, "y": y}

    def losses(self, batch: Any, step: int) -> dict[str, Tensor]:
        features = nn.functional.dropout(self.body(batch["x"]), self.dropout)
        return {"square": (self.head(features) - batch["y"]).square().mean(), "small": 1e-4 * features.square().mean()}

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        x = torch.linspace(-1, 1, 50)[:, None].to(next(networks["head"].parameters()).device)
        error = (networks["head"](networks["body"](x)) - (2 * x - 1)).abs()
        return {"error": error.mean().item(), "worst": error.max().item()}

    def preview(self, networks: Mapping[str, nn.Module]) -> np.ndarray:
        return np.full((8, 12, 3), (200, 100, 50), np.uint8)


class Poisoned(Regression):
    """Its loss turns to NaN from step ``first`` on, ``times`` times."""

    def __init__(self, first: int, times: float = math.inf, gradients: bool = False) -> None:
        super().__init__()
        self.first, self.left, self.gradients = first, times, gradients

    def losses(self, batch: Any, step: int) -> dict[str, Tensor]:
        terms = super().losses(batch, step)
        if step >= self.first and self.left > 0:
            self.left -= 1
            # sqrt has an infinite slope at zero: a finite loss with gradients that are not.
            terms["poison"] = (terms["square"] * 0).sqrt() if self.gradients else terms["square"] * math.nan
        return terms


class Broken(Regression):
    """Its data thread fails at the fourth batch."""

    def batch(self, sample_keys: Sequence[SampleKey]) -> Any:
        if self.batches == 3:
            raise OSError("crop 17 cannot be read")
        return super().batch(sample_keys)


class Slow(Regression):
    """Takes a known time for every step and every evaluation, by a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    def losses(self, batch: Any, step: int) -> dict[str, Tensor]:
        self.seconds += 1 / 256
        return super().losses(batch, step)

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        self.seconds += 1 / 8
        return super().evaluate(networks)
