"""Exponential moving average of the weights, which is evaluated, previewed and exported."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class ModelEma:
    """Averaged copies of ``networks``: parameters follow with a decay, buffers are copied."""

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        # One deepcopy of them all: a part that two networks share stays shared.
        self.networks: dict[str, nn.Module] = copy.deepcopy(dict(networks))
        self.decay = decay
        for network in self.networks.values():
            network.eval().requires_grad_(False)
        self._ema_parameters, self._parameters = _parameters(self.networks), _parameters(networks)
        self._ema_buffers, self._buffers = _buffers(self.networks), _buffers(networks)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average after optimiser step ``step`` (counted from 1)."""
        weight = 1 - compute_decay(step, self.decay)
        torch._foreach_lerp_(self._ema_parameters, self._parameters, weight)
        for average, buffer in zip(self._ema_buffers, self._buffers, strict=True):
            average.copy_(buffer)


def compute_decay(step: int, decay: float) -> float:
    """Decay of the average at ``step`` (from 1): ``min(decay, step / (9 + step))``.

    It starts at 0.1, so the initial weights are forgotten within a few steps instead of lingering for
    thousands.
    """
    return min(decay, step / (9 + step))


def _parameters(networks: Mapping[str, nn.Module]) -> list[Tensor]:
    return list(nn.ModuleDict(networks).parameters())


def _buffers(networks: Mapping[str, nn.Module]) -> list[Tensor]:
    return list(nn.ModuleDict(networks).buffers())
