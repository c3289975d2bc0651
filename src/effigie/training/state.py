"""Training state: weights, their moving average and the optimiser, captured and restored together."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from effigie.errors import ModelError
from effigie.execution.spawn import defer_signals
from effigie.training.config import TrainingSettings
from effigie.training.model_folder import convert_stored
from effigie.training.optimizer import AdamW

NETWORK, EMA, OPTIMIZER = "network", "average", "optimiser"
"""First part of a tensor's name: ``network/decoder/1.weight``, ``optimiser/decoder/1.weight/exp_avg``."""


@dataclass(frozen=True)
class Snapshot:
    """The state after ``step`` steps: tensors of its own on the CPU, and the optimiser's plain numbers."""

    step: int
    tensors: dict[str, Tensor]
    scalars: dict[str, float]


class ModelEma:
    """Averaged copies of ``networks``: parameters follow with a decay, buffers are copied."""

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        # One deepcopy of them all: a part that two networks share stays shared.
        self.networks: dict[str, nn.Module] = copy.deepcopy(dict(networks))
        self.decay = decay
        for network in self.networks.values():
            network.eval().requires_grad_(False)
        own, sources = nn.ModuleDict(self.networks), nn.ModuleDict(networks)
        self._ema_parameters: list[Tensor] = list(own.parameters())
        self._parameters: list[Tensor] = list(sources.parameters())
        self._ema_buffers, self._buffers = list(own.buffers()), list(sources.buffers())

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


class TrainingState:
    """Networks, their moving average and the optimiser, on the device, after ``step`` optimiser steps.

    ``is_consistent`` is False while a step is half done: an interrupt that arrives then must not save what it finds.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        parameter_groups: Callable[[], list[dict[str, Any]]],
        settings: TrainingSettings,
        device: torch.device,
    ) -> None:
        if not networks or not all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in networks):
            raise ValueError(f"networks need names of letters, digits, _ and -, not {list(networks)}")
        # Channels last, the order in which pictures come too: convolutions need not turn their weights over every step.
        self.networks = {
            name: network.to(device=device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
            for name, network in networks.items()
        }
        self.ema = ModelEma(self.networks, settings.ema_decay)
        self.optimizer = AdamW(
            parameter_groups(),
            lr=settings.learning_rate,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
            # On a CPU the fused kernel takes half the time (14 ms, not 25 to 28, for 7 M parameters).
            fused=True if device.type in ("cpu", "cuda") else None,
        )
        self.parameters: list[nn.Parameter] = [p for group in self.optimizer.param_groups for p in group["params"]]
        self._parameter_names = _parameter_names(self.networks, self.parameters)
        self._base_lrs = [float(group["lr"]) for group in self.optimizer.param_groups]
        self._warm_up = settings.warm_up_steps
        self.step = 0
        self.is_consistent = True

    def advance(self, lr_scale: float) -> None:
        """Take an optimiser step at ``lr_scale`` times the scheduled learning rate, and update the average."""
        scale = lr_scale * min(1.0, (self.step + 1) / max(1, self._warm_up))
        for group, rate in zip(self.optimizer.param_groups, self._base_lrs, strict=True):
            group["lr"] = rate * scale
        # A stop that arrives in the middle waits for the end: half a step cannot be saved.
        with defer_signals():
            self.is_consistent = False
            self.optimizer.step()
            self.ema.update(self.step + 1)
            self.step += 1
            self.is_consistent = True

    def capture(self) -> Snapshot:
        """A copy that later steps do not touch."""
        scalars: dict[str, float] = {}
        tensors = {**_weights(NETWORK, self.networks), **self.capture_ema()}
        for index, values in self.optimizer.state_dict()["state"].items():
            for key, value in values.items():
                name = f"{OPTIMIZER}/{self._parameter_names[index]}/{key}"
                if isinstance(value, Tensor):
                    tensors[name] = _copy_to_cpu(value)
                else:
                    scalars[name] = value
        return Snapshot(self.step, tensors, scalars)

    def capture_ema(self) -> dict[str, Tensor]:
        """The moving average's tensors, as in :meth:`capture`."""
        return _weights(EMA, self.ema.networks)

    def restore(self, snapshot: Snapshot) -> None:
        """Restore ``snapshot``."""
        self.is_consistent = False
        for part, networks in ((NETWORK, self.networks), (EMA, self.ema.networks)):
            for name, network in networks.items():
                stored = _select_prefix(f"{part}/{name}/", snapshot.tensors)
                try:
                    network.load_state_dict({key: convert_stored(network, key, value) for key, value in stored.items()})
                except RuntimeError as error:
                    raise ModelError(
                        f"the checkpoint of step {snapshot.step} is of another {name!r} network "
                        f"({str(error).splitlines()[-1].strip()}): use the settings it was begun with, or "
                        "another folder"
                    ) from error
        entries: dict[str, Any] = {**snapshot.tensors, **snapshot.scalars}
        values = {
            index: {
                key: _match_layout(self._convert_moment(name, value), parameter)
                for key, value in _select_prefix(f"{OPTIMIZER}/{name}/", entries).items()
            }
            for index, (name, parameter) in enumerate(zip(self._parameter_names, self.parameters, strict=True))
        }
        groups = self.optimizer.state_dict()["param_groups"]
        state = {index: value for index, value in values.items() if value}
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.optimizer.zero_grad(set_to_none=True)
        self.step = snapshot.step
        self.is_consistent = True

    def _convert_moment(self, name: str, value: Any) -> Any:
        network, key = name.split("/", 1)
        return convert_stored(self.networks[network], key, value) if isinstance(value, Tensor) else value


def _weights(part: str, networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    return {
        f"{part}/{name}/{key}": _copy_to_cpu(value)
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }


def _parameter_names(networks: Mapping[str, nn.Module], parameters: list[nn.Parameter]) -> list[str]:
    names = {id(p): f"{name}/{key}" for name, network in networks.items() for key, p in network.named_parameters()}
    unknown = [tuple(p.shape) for p in parameters if id(p) not in names]
    if unknown:
        raise ValueError(f"parameters of shapes {unknown} are optimised but belong to none of {list(networks)}")
    return [names[id(p)] for p in parameters]


def _select_prefix(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _copy_to_cpu(value: Tensor) -> Tensor:
    """A dense copy on the CPU, in the order that the value has in memory: turning it over costs five times as much."""
    return torch.empty_like(value, device="cpu", requires_grad=False).copy_(value.detach())


def _match_layout(value: Any, parameter: nn.Parameter) -> Any:
    """``value`` copied into the parameter's memory layout: sums in another order would not resume exactly."""
    if not isinstance(value, Tensor):
        return value
    if value.shape != parameter.shape:
        return value.clone()
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
