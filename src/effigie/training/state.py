"""Everything that training changes, to be captured and put back as one: weights, average, optimiser."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from effigie.errors import ModelError
from effigie.scale.starting import uninterrupted
from effigie.training.average import Average
from effigie.training.settings import TrainingSettings

NETWORK, AVERAGE, OPTIMISER = "network", "average", "optimiser"
"""First part of a tensor's name: ``network/decoder/1.weight``, ``optimiser/decoder/1.weight/exp_avg``."""


@dataclass(frozen=True)
class Snapshot:
    """The state after ``step`` steps: tensors of its own on the CPU, and the optimiser's plain numbers."""

    step: int
    tensors: dict[str, Tensor]
    scalars: dict[str, float]


class TrainingState:
    """Networks, their average and the optimiser, on the device, after ``step`` optimiser steps.

    ``whole`` is False while a step is half done: an interrupt that arrives then must not save what it finds.

    Raises:
        ValueError: the task names no network, names one badly, or optimises a parameter that is in none.
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
        self.average = Average(self.networks, settings.ema_decay)
        self.optimiser = torch.optim.AdamW(
            parameter_groups(),
            lr=settings.learning_rate,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
            # On a CPU the fused kernel takes half the time (14 ms, not 25 to 28, for 7 M parameters).
            fused=True if device.type in ("cpu", "cuda") else None,
        )
        self.parameters: list[nn.Parameter] = [
            p for group in self.optimiser.param_groups for p in group["params"]
        ]
        self._names = _names(self.networks, self.parameters)
        self._rates = [float(group["lr"]) for group in self.optimiser.param_groups]
        self._warm_up = settings.warm_up_steps
        self.step = 0
        self.whole = True

    def advance(self, rate_scale: float) -> None:
        """One optimiser step with the gradients there are, at ``rate_scale`` times the scheduled rate."""
        scale = rate_scale * min(1.0, (self.step + 1) / max(1, self._warm_up))
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * scale
        # A stop that arrives in the middle waits for the end: half a step cannot be saved.
        with uninterrupted():
            self.whole = False
            self.optimiser.step()
            self.average.update(self.step + 1)
            self.step += 1
            self.whole = True

    def capture(self) -> Snapshot:
        """A copy that later steps do not touch."""
        scalars: dict[str, float] = {}
        tensors = {**_weights(NETWORK, self.networks), **self.averaged()}
        for index, values in self.optimiser.state_dict()["state"].items():
            for key, value in values.items():
                name = f"{OPTIMISER}/{self._names[index]}/{key}"
                if isinstance(value, Tensor):
                    tensors[name] = _owned(value)
                else:
                    scalars[name] = value
        return Snapshot(self.step, tensors, scalars)

    def averaged(self) -> dict[str, Tensor]:
        """The average's part of :meth:`capture`."""
        return _weights(AVERAGE, self.average.networks)

    def restore(self, snapshot: Snapshot) -> None:
        """Become what ``snapshot`` was.

        Raises:
            ModelError: it was taken of other networks.
        """
        self.whole = False
        for part, networks in ((NETWORK, self.networks), (AVERAGE, self.average.networks)):
            for name, network in networks.items():
                try:
                    network.load_state_dict(_under(f"{part}/{name}/", snapshot.tensors))
                except RuntimeError as error:
                    raise ModelError(
                        f"the checkpoint of step {snapshot.step} is of another {name!r} network "
                        f"({str(error).splitlines()[-1].strip()}): use the settings it was begun with, or "
                        "another folder"
                    ) from error
        merged: dict[str, Any] = {**snapshot.tensors, **snapshot.scalars}
        values = {
            index: {
                key: _like(value, parameter) for key, value in _under(f"{OPTIMISER}/{name}/", merged).items()
            }
            for index, (name, parameter) in enumerate(zip(self._names, self.parameters, strict=True))
        }
        groups = self.optimiser.state_dict()["param_groups"]
        state = {index: value for index, value in values.items() if value}
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.optimiser.zero_grad(set_to_none=True)
        self.step = snapshot.step
        self.whole = True


def _weights(part: str, networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    return {
        f"{part}/{name}/{key}": _owned(value)
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }


def _names(networks: Mapping[str, nn.Module], parameters: list[nn.Parameter]) -> list[str]:
    known = {
        id(p): f"{name}/{key}" for name, network in networks.items() for key, p in network.named_parameters()
    }
    strangers = [tuple(p.shape) for p in parameters if id(p) not in known]
    if strangers:
        raise ValueError(
            f"parameters of shapes {strangers} are optimised but belong to none of {list(networks)}"
        )
    return [known[id(p)] for p in parameters]


def _under(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _owned(value: Tensor) -> Tensor:
    """A dense copy on the CPU, in the order that the value has in memory: turning it over costs five times as much."""
    return torch.empty_like(value, device="cpu", requires_grad=False).copy_(value.detach())


def _like(value: Any, parameter: nn.Parameter) -> Any:
    """``value`` copied into the parameter's memory layout: sums in another order would not resume exactly."""
    if not isinstance(value, Tensor):
        return value
    if value.shape != parameter.shape:
        return value.clone()
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
