"""Export of the averaged weights, one safetensors file per network."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from effigie.errors import ModelError
from effigie.io.atomic_write import read_json
from effigie.io.folder_names import MANIFEST
from effigie.training.checkpoint import (
    BestCheckpoint,
    CheckpointStore,
    DamagedError,
    list_checkpoints,
    parse_step,
    read_best,
)
from effigie.training.model_folder import fill_network, load_weights, require_weights, save_weights, to_half
from effigie.training.state import EMA

CHECKPOINTS = "training"  # folder in a model's folder
READ_ATTEMPTS = 3


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


def load_newest_weights(
    folder: Path, network: nn.Module, name: str, command: str, optional: Collection[str] = ()
) -> None:
    """Fill a network with a model's newest averaged weights, freeze it and put it in evaluation mode.

    They are the exported ones, or, where training has gone on since or never came to its end, those of the checkpoints:
    a folder may be read while it is trained.

    Args:
        name: of the network, and of its exported file.
        command: that trains such models, for messages.
        optional: see :func:`effigie.training.model_folder.load_weights`.

    Raises:
        ModelError: missing, damaged, or of another network.
    """
    path = folder / f"{name}.safetensors"
    if not has_newer_weights(folder, path):
        require_weights(path, command)
        load_weights(path, network, optional)
        return
    fill_network(network, load_checkpoint_weights(folder, name), folder / CHECKPOINTS, optional)


def load_checkpoint_weights(folder: Path, name: str) -> dict[str, Tensor]:
    """A network's averaged weights in a model's checkpoints, as :func:`export` would write them in fp16.

    What is converted with them looks the same as if training ended here. The folder may be trained meanwhile.

    Raises:
        ModelError: nothing was trained there, or it is damaged.
    """
    for retries in reversed(range(READ_ATTEMPTS)):
        try:
            return {key: to_half(tensor) for key, tensor in load_ema_weights(folder)[name].items()}
        except ModelError:  # a checkpoint may have been replaced since it was listed
            if not retries:
                raise
        except KeyError:
            break
    raise ModelError(f"{folder / CHECKPOINTS} holds checkpoints of another model: train again into a new folder")


def has_newer_weights(folder: Path, path: Path) -> bool:
    """Whether a model's checkpoints are newer than its exported weights, a file ``path``."""
    newest = find_newest_step(folder)
    if newest is None or not path.is_file():
        return newest is not None
    try:
        return newest > int(read_json(folder / MANIFEST)["steps"])
    except FileNotFoundError:
        return True  # exported, and stopped before it could be said of which step
    except (OSError, ValueError, LookupError, TypeError):
        return False


def count_steps(folder: Path, path: Path) -> int:
    """Steps that a model, whose exported weights are the file ``path``, was trained; 0 where nothing says."""
    if has_newer_weights(folder, path):
        return find_newest_step(folder) or 0
    try:
        return int(read_json(folder / MANIFEST)["steps"])
    except (OSError, ValueError, LookupError, TypeError):
        return 0


def find_newest_step(folder: Path) -> int | None:
    """The step of the newest checkpoint in a model's folder; None where there is none after a step."""
    paths = list_checkpoints(folder / CHECKPOINTS)
    return (parse_step(paths[0]) or None) if paths else None


def find_best(folder: Path) -> BestCheckpoint | None:
    """The evaluation of a model's best checkpoint, whose weights are exported; None where the newest are."""
    try:
        return read_best(folder / CHECKPOINTS)[0]
    except DamagedError:  # or not there
        return None


def load_ema_weights(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Averaged weights as network -> name -> tensor: of the best checkpoint where it was kept, else of the newest."""
    try:
        tensors = read_best(folder / CHECKPOINTS)[1]
    except DamagedError:  # or not there
        loaded = CheckpointStore(folder / CHECKPOINTS).newest()
        if loaded is None:
            raise ModelError(f"{folder} holds no training state to export: train first") from None
        tensors = loaded.snapshot.tensors
    networks: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part, network, key = name.split("/", 2)
        if part == EMA:
            networks.setdefault(network, {})[key] = tensor
    return networks
