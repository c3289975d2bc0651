"""Export of the averaged weights, one safetensors file per network."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from torch import Tensor

from effigie.errors import ModelError
from effigie.training.checkpoint import CheckpointStore, DamagedError, read_best
from effigie.training.model_folder import save_weights
from effigie.training.state import EMA


def export(
    folder: Path, precision: Literal["fp16", "fp32"] = "fp32", only: Collection[str] | None = None
) -> dict[str, Path]:
    """Write the averaged weights that :func:`load_ema_weights` finds, one ``folder/<network>.safetensors`` per network.

    Args:
        folder: what :func:`effigie.training.train` was given.
        precision: fp16 halves the files; a tensor with values beyond its range (65504) stays fp32.
        only: names of the networks to write; None writes all.

    Returns:
        The file of each network.

    Raises:
        ModelError: nothing was trained there, or it is damaged.
    """
    paths = {}
    for name, tensors in load_ema_weights(folder).items():
        if only is None or name in only:
            paths[name] = folder / f"{name}.safetensors"
            save_weights(paths[name], tensors, half=precision == "fp16")
    return paths


def load_ema_weights(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Averaged weights as network -> name -> tensor: of the best checkpoint where it was kept, else of the newest."""
    try:
        tensors = read_best(folder / "training")[1]
    except DamagedError:  # or not there
        loaded = CheckpointStore(folder / "training").newest()
        if loaded is None:
            raise ModelError(f"{folder} holds no training state to export: train first") from None
        tensors = loaded.snapshot.tensors
    networks: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part, network, key = name.split("/", 2)
        if part == EMA:
            networks.setdefault(network, {})[key] = tensor
    return networks
