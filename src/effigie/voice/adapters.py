"""Low-rank adapters (LoRA, Hu et al. 2021) in the decoder's blocks, before the generator."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from effigie.voice.network.decoder import Decoder

RANK = 8


class LowRank(nn.Module):
    """Adds a product of two thin matrices to a weight; zero at first."""

    def __init__(self, weight: Tensor, rank: int = RANK) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, weight[0].numel()) / weight[0].numel() ** 0.5)
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))

    def forward(self, weight: Tensor) -> Tensor:
        """The adapted weight, of the same shape."""
        return weight + (self.up @ self.down).view_as(weight)


def list_adapted(decoder: Decoder) -> dict[str, nn.Conv1d]:
    """Convolutions that have adapters, by name."""
    blocks = {"first": decoder.first, **{f"blocks.{number}": block for number, block in enumerate(decoder.blocks)}}
    return {f"{name}.{conv}": getattr(block, conv) for name, block in blocks.items() for conv in ("conv1", "conv2")}


def add_adapters(decoder: Decoder) -> list[nn.Parameter]:
    """Put adapters into the decoder; returns what is to be trained."""
    parameters: list[nn.Parameter] = []
    for conv in list_adapted(decoder).values():
        adapter = LowRank(conv.weight)
        parametrize.register_parametrization(conv, "weight", adapter)
        parameters += [adapter.down, adapter.up]
    return parameters


def read_adapters(decoder: Decoder) -> dict[str, Tensor]:
    """The adapters' tensors, by the names under which they are stored."""
    tensors: dict[str, Tensor] = {}
    for name, conv in list_adapted(decoder).items():
        adapter = conv.parametrizations.weight[0]  # type: ignore[union-attr, index]
        tensors |= {f"{name}.{part}": getattr(adapter, part).detach().clone() for part in ("down", "up")}
    return tensors


def apply_adapters(decoder: Decoder, tensors: Mapping[str, Tensor]) -> Decoder:
    """A copy of the decoder whose weights have the adapters added, so that they cost nothing.

    Raises:
        ValueError: they do not fit.
    """
    if not tensors:
        return decoder
    adapted = copy.deepcopy(decoder)
    convs = list_adapted(adapted)
    if set(tensors) != {f"{name}.{part}" for name in convs for part in ("down", "up")}:
        raise ValueError("the adapters are of another network")
    with torch.no_grad():
        for name, conv in convs.items():
            change = tensors[f"{name}.up"].float() @ tensors[f"{name}.down"].float()
            if change.numel() != conv.weight.numel():
                raise ValueError(f"the adapter of {name} has the shape {tuple(change.shape)}")
            conv.weight += change.view_as(conv.weight)
    return adapted
