"""What leaves training: the averaged weights, a file a network."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from effigie.errors import ModelError
from effigie.io.atomic import atomic
from effigie.io.tensors import pack
from effigie.training.best_checkpoint import read_best
from effigie.training.checkpoint import Checkpoints, DamagedError
from effigie.training.state import AVERAGE


def export(
    folder: Path, precision: Literal["fp16", "fp32"] = "fp32", only: Collection[str] | None = None
) -> dict[str, Path]:
    """Write the averaged weights that :func:`averaged` finds, one ``folder/<network>.safetensors`` per network.

    Args:
        folder: what :func:`effigie.training.train` was given.
        precision: fp16 halves the files; a tensor with values beyond its range (65504) stays fp32.
        only: names of the networks to write; None writes all.

    Returns:
        The file of each network.

    Raises:
        ModelError: nothing was trained there, or it is damaged.
    """
    networks = averaged(folder)
    if only is not None:
        networks = {name: tensors for name, tensors in networks.items() if name in only}
    if precision == "fp16":
        networks = {
            name: {key: _half(tensor) for key, tensor in tensors.items()}
            for name, tensors in networks.items()
        }
    paths = {name: folder / f"{name}.safetensors" for name in networks}
    for name, tensors in networks.items():
        with atomic(paths[name]) as temporary:
            temporary.write_bytes(pack(tensors))
    return paths


def averaged(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Network -> name -> averaged tensor: of the best evaluation where that was kept, else of the newest checkpoint.

    Raises:
        ModelError: nothing was trained there, or it is damaged.
    """
    try:
        tensors = read_best(folder / "training")[1]
    except DamagedError:  # or not there
        recovered = Checkpoints(folder / "training").newest()
        if recovered is None:
            raise ModelError(f"{folder} holds no training state to export: train first") from None
        tensors = recovered.snapshot.tensors
    networks: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part, network, key = name.split("/", 2)
        if part == AVERAGE:
            networks.setdefault(network, {})[key] = tensor
    return networks


def _half(tensor: Tensor) -> Tensor:
    if tensor.dtype != torch.float32:
        return tensor
    half = tensor.half()
    return half if bool(half.isfinite().all()) else tensor
