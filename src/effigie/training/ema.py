"""The exponential moving average of the weights, which is what is evaluated, previewed and exported."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Average:
    """Averaged copies of ``networks``: parameters follow with a decay, buffers are copied."""

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        # One deepcopy of them all: a part that two networks share stays shared.
        self.networks: dict[str, nn.Module] = copy.deepcopy(dict(networks))
        self.decay = decay
        for network in self.networks.values():
            network.eval().requires_grad_(False)
        self._followers, self._leaders = _parameters(self.networks), _parameters(networks)
        self._copies, self._buffers = _buffers(self.networks), _buffers(networks)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the networks after optimiser step ``step`` (counted from 1)."""
        weight = 1 - decay_at(step, self.decay)
        torch._foreach_lerp_(self._followers, self._leaders, weight)
        for copied, buffer in zip(self._copies, self._buffers, strict=True):
            copied.copy_(buffer)


def decay_at(step: int, decay: float) -> float:
    """Decay of the average at ``step`` (from 1): ``min(decay, step / (9 + step))``.

    It starts at 0.1, so the initial weights are forgotten within a few steps instead of lingering for
    thousands.
    """
    return min(decay, step / (9 + step))


def _parameters(networks: Mapping[str, nn.Module]) -> list[Tensor]:
    return list(nn.ModuleDict(networks).parameters())


def _buffers(networks: Mapping[str, nn.Module]) -> list[Tensor]:
    return list(nn.ModuleDict(networks).buffers())
