"""The pretrained network's folder: configuration, weights, manifest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from effigie.errors import ModelError
from effigie.swap.network import PretrainedNet, SwapNet
from effigie.swap.presets import SwapPreset
from effigie.training import model_folder
from effigie.training.model_folder import load_weights, require_weights

KIND, COMMAND = "swap start", "effigie pretrain"
WEIGHTS = "start.safetensors"


def build_pretrained_network(preset: SwapPreset) -> PretrainedNet:
    """An untrained network of a preset."""
    return PretrainedNet(preset.width, preset.depth, preset.stem, preset.block)


def save_config(folder: Path, preset: SwapPreset) -> None:
    """Write how the network is built."""
    model_folder.save_config(folder, KIND, preset=asdict(preset))


def load_config(folder: Path) -> dict[str, Any]:
    """The checked contents of ``config.json``."""

    def check(config: dict[str, Any]) -> dict[str, Any]:
        SwapPreset(**config["preset"])
        return config

    return model_folder.load_config(folder, KIND, COMMAND, check)


def start_from_pretrained(network: SwapNet, preset: SwapPreset, folder: str | Path) -> None:
    """Give a swap network pretrained weights.

    Args:
        network: an untrained one of ``preset``, whose decoders take a prior.
        folder: made by :func:`effigie.pretrain`.

    Raises:
        ModelError: missing, damaged, not trained yet, or of another preset.
    """
    folder = Path(folder)
    if load_config(folder)["preset"] != asdict(preset):
        raise ModelError(f"{folder} was pretrained for another preset")
    require_weights(folder / WEIGHTS, COMMAND)
    pretrained = build_pretrained_network(preset)
    load_weights(folder / WEIGHTS, pretrained)
    network.start_from(pretrained)
